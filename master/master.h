// The master process, wired: data directory, registry, processes, controllers, and the service that dialects call.
//
// Owner: the process's main, on the loop thread. It survives its own restart: controllers and workers are not its
// children's children in any way that matters; the next master on the same data directory finds and re-attaches them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/model/asset_service.h"
#include "core/model/commands.h"
#include "core/model/connections.h"
#include "core/model/execution_events.h"
#include "core/model/job_dialect.h"
#include "core/model/launch.h"
#include "core/model/operation_schema.h"
#include "core/runtime/asio_loop.h"
#include "core/runtime/log.h"
#include "core/runtime/result.h"
#include "master/executions/retention.h"
#include "master/processes/controller_endpoints.h"
#include "master/processes/launcher.h"

namespace slicemill::master {

// Twice the processors, at least 8: workers mostly wait for files and networks.
int default_slots();

struct MasterOptions {
  std::string data;                // absolute path
  std::string bind = "127.0.0.1";  // shown in the cluster state; the HTTP server is the caller's
  int port = 5678;
  int slots = default_slots();
  std::string controller_program;  // path of `slicemill-controller`
  std::string worker_program;      // path of `slicemill-worker`
  std::string name = "slicemill";  // of the cluster, as shown
  std::string
      working_directory;  // against which relative paths of jobs are suggested as absolute ones; "" = the process's
  ExecutionSettings settings;
  LogLevel log_level = LogLevel::info;                           // of controllers and workers whose job names none
  std::string assets_directory;                                  // absolute; "": below the data directory
  std::string autoload_directory;                                // zips in it are taken in at start; "": none
  std::uint64_t asset_size_limit = 512ull << 20;                 // bytes of a zip
  std::uint64_t asset_unpacked_limit = 2ull << 30;               // bytes of its files
  std::vector<std::pair<std::string, std::string>> environment;  // of controllers and workers; a job's own goes before
  WorkerTransport worker_transport;
  int standby_processes = 0;             // controllers, and workers, that are started before anybody needs them
  RetentionOptions retention;            // of ended executions
  bool stop_executions_on_exit = false;  // otherwise they go on and meet the next master
  BuildFacts build;                      // of this program, as shown
  std::shared_ptr<const ConnectionBook> connections = std::make_shared<ConnectionBook>();
};

class Master {
 public:
  // conflict: another master has the data directory. invalid, io, corrupt, unsupported: it cannot be used; the message
  // says why.
  // dialect: in which jobs are posted and shown; outlives the master, as the catalog does.
  static Result<std::unique_ptr<Master>> open(AsioLoop& loop, MasterOptions options, const JobDialect& dialect,
                                              const OperationCatalog& catalog);
  // The same with another launcher, for tests.
  static Result<std::unique_ptr<Master>> open(AsioLoop& loop, MasterOptions options, const JobDialect& dialect,
                                              const OperationCatalog& catalog, std::unique_ptr<Launcher> launcher);
  ~Master();
  Master(const Master&) = delete;
  Master& operator=(const Master&) = delete;

  JobService& service();
  JobViews& views();
  EventFeed& events();
  AssetService& assets();
  // Starts nothing new and answers `unavailable` to what would change jobs; done() once everything that was asked
  // before is durable. Executions go on without a master, unless options say to stop them first. Safe to call twice:
  // the last done() counts.
  void shut_down(std::function<void()> done);

 private:
  struct Body;
  explicit Master(std::unique_ptr<Body> body);

  std::unique_ptr<Body> body_;
};

}  // namespace slicemill::master
