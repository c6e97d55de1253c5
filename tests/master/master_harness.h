// The master's parts on a manual loop: real registry, fake processes, controllers played by the test.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/wire/memory_channel.h"
#include "master/assets/asset_store.h"
#include "master/master_service.h"
#include "tests/fakes/fake_launcher.h"
#include "tests/fakes/manual_loop.h"
#include "tests/fakes/scripted_controller.h"
#include "tests/master/temp_directory.h"

namespace slicemill::master {

// Takes any operation without options; "refused" is unknown.
const OperationCatalog& any_operation();

class MasterHarness {
 public:
  explicit MasterHarness(std::int64_t slots = 8);
  ~MasterHarness();

  // A job that is valid: reader, one sender; `workers` of them.
  static Json job(std::int64_t workers = 2);

  // Runs what is ready; the answer must be there then.
  template <typename T>
  Result<T> await(const std::function<void(Reply<T>)>& call) {
    auto answer = start<T>(call);
    loop.run_ready();
    if (!*answer) return Error{ErrorCode::internal, "no answer"};
    return **answer;
  }
  // The answer may come later.
  template <typename T>
  std::shared_ptr<std::optional<Result<T>>> start(const std::function<void(Reply<T>)>& call) {
    auto answer = std::make_shared<std::optional<Result<T>>>();
    call([answer](Result<T> result) { answer->emplace(std::move(result)); });
    return answer;
  }

  Submitted submit(Json posted);
  std::string status(const ExecutionId& id);
  Json document(const ExecutionId& id);
  std::vector<std::string> history(const ExecutionId& id);  // "from event to"

  // The controller that was started last, connected: says hello.
  std::unique_ptr<ScriptedController> connect_controller(const ExecutionId& id);
  // The same, and reports running.
  std::unique_ptr<ScriptedController> run(const ExecutionId& id);
  // Runs and ends; with `gone`, its processes have left, too.
  void finish(const ExecutionId& id, const std::string& outcome = "completed", bool gone = false);
  Json launch_file(const ExecutionId& id);

  // The master's process dies; fake processes and controllers stay. Then another one starts.
  void crash();
  void restart();

  TempDirectory directory;
  ManualLoop loop;
  FakeLauncher launcher{loop};
  std::unique_ptr<MemoryHub> hub;
  DataLayout layout;
  RetentionOptions retention;  // of the next master
  std::string copied_from;     // the next master's data directory is a copy of this one; "": it is itself
  std::string moved_from;
  std::unique_ptr<Registry> registry;
  std::unique_ptr<AssetStore> assets;
  std::unique_ptr<Executions> executions;
  std::unique_ptr<MasterService> service;

 private:
  void open();

  std::int64_t slots_;
};

}  // namespace slicemill::master
