#include "tests/master/master_harness.h"

#include <fmt/core.h>

#include <fstream>
#include <sstream>

#include "api/dialects/teraslice/teraslice_documents.h"
#include "core/runtime/files.h"

namespace slicemill::master {

namespace {

class AnyOperation final : public OperationCatalog {
 public:
  AnyOperation() {
    reader_.name = "any-reader";
    reader_.kind = OperationKind::reader;
    sender_.name = "any-sender";
    sender_.kind = OperationKind::sender;
  }
  const OperationSchema* find(std::string_view name) const override {
    if (name == reader_.name) return &reader_;
    return name == sender_.name ? &sender_ : nullptr;
  }
  std::vector<const OperationSchema*> all() const override { return {&reader_, &sender_}; }

 private:
  OperationSchema reader_;
  OperationSchema sender_;
};

}  // namespace

const OperationCatalog& any_operation() {
  static const AnyOperation catalog;
  return catalog;
}

MasterHarness::MasterHarness(std::int64_t slots) : layout(DataLayout::of(directory.path())), slots_(slots) {
  layout.runtime = directory.path() + "/run";
  hub = std::make_unique<MemoryHub>(loop);
  open();
}

MasterHarness::~MasterHarness() {
  crash();
}

void MasterHarness::open() {
  auto opened = Registry::open(loop, layout.registry_file(), api::teraslice::job_dialect());
  if (!opened) {
    ADD_FAILURE() << opened.error().message;
    return;
  }
  registry = std::move(*opened);
  executions = std::make_unique<Executions>(loop, *registry, launcher, hub->server(),
                                            ExecutionsOptions{layout, slots_, {}, "info"});
  assets = std::make_unique<AssetStore>(loop, *registry, api::teraslice::job_dialect(),
                                        AssetStoreOptions{layout.assets_directory()});
  EXPECT_TRUE(assets->open());
  service = std::make_unique<MasterService>(loop, *registry, *executions, api::teraslice::job_dialect(),
                                            any_operation(), *assets, PathRule{false, "/"},
                                            NodeFacts{"test", "host", "127.0.0.1", 4711}, retention);
  const auto adopted = !copied_from.empty()  ? executions->adoption().disown_all(copied_from)
                       : !moved_from.empty() ? executions->adoption().adopt_moved(moved_from)
                                             : executions->adoption().adopt_all();
  EXPECT_TRUE(adopted) << (adopted ? "" : adopted.error().message);
}

void MasterHarness::crash() {
  service.reset();
  executions.reset();
  assets.reset();
  registry.reset();
}

void MasterHarness::restart() {
  crash();
  open();
  loop.run_ready();
}

Json MasterHarness::job(std::int64_t workers) {
  return {{"name", "a job"},
          {"workers", workers},
          {"operations", Json::array({{{"_op", "any-reader"}}, {{"_op", "any-sender"}}})}};
}

Submitted MasterHarness::submit(Json posted) {
  const auto answer =
      await<Submitted>([&](Reply<Submitted> reply) { service->submit(std::move(posted), {}, std::move(reply)); });
  if (!answer) {
    ADD_FAILURE() << answer.error().message;
    return {};
  }
  return *answer;
}

std::string MasterHarness::status(const ExecutionId& id) {
  loop.run_ready();
  const auto row = registry->execution(id);
  if (!row || !*row) return "unknown";
  return std::string(to_string((*row)->status));
}

Json MasterHarness::document(const ExecutionId& id) {
  const auto shown =
      await<ShownDocument>([&](Reply<ShownDocument> reply) { service->get_execution(id, std::move(reply)); });
  const auto answer = shown ? whole_document(*shown) : Result<Json>(shown.error());
  EXPECT_TRUE(answer) << (answer ? "" : answer.error().message);
  return answer ? *answer : Json::object();
}

std::vector<std::string> MasterHarness::history(const ExecutionId& id) {
  std::vector<std::string> lines;
  const auto rows = registry->history(id);
  if (!rows) return lines;
  for (const auto& row : *rows) lines.push_back(fmt::format("{} {} {}", row.from, row.event, row.to));
  return lines;
}

Json MasterHarness::launch_file(const ExecutionId& id) {
  std::ifstream file(layout.launch_file(id.text));
  std::ostringstream text;
  text << file.rdbuf();
  auto json = parse_json(text.str());
  EXPECT_TRUE(json) << "launch file of " << id.text;
  return json ? *json : Json::object();
}

std::unique_ptr<ScriptedController> MasterHarness::connect_controller(const ExecutionId& id) {
  loop.run_ready();
  ProcessIdentity process;
  std::uint64_t epoch = 0;
  for (const auto& row : executions->supervisor().processes()) {
    if (row.ex_id != id || !row.is_controller) continue;
    process = row.process;
    epoch = row.epoch;
  }
  EXPECT_NE(epoch, 0U) << "no controller was started for " << id.text;
  auto controller = std::make_unique<ScriptedController>(*hub, id.text, epoch, process);
  controller->hello();
  loop.run_ready();
  return controller;
}

std::unique_ptr<ScriptedController> MasterHarness::run(const ExecutionId& id) {
  auto controller = connect_controller(id);
  controller->status("running");
  loop.run_ready();
  return controller;
}

void MasterHarness::finish(const ExecutionId& id, const std::string& outcome, bool gone) {
  const auto controller = run(id);
  controller->finished(outcome);
  loop.run_ready();
  EXPECT_EQ(controller->finished_acks, 1);
  if (!gone) return;
  for (const auto& row : executions->supervisor().processes()) {
    if (row.ex_id == id) launcher.exit(row.process.pid, {true, 0, 0});
  }
  loop.run_ready();
}

}  // namespace slicemill::master
