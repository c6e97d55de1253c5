#include "tests/simulation/cluster.h"

#include <csignal>
#include <utility>

#include <fmt/core.h>

#include "api/dialects/teraslice/teraslice_documents.h"
#include "core/runtime/fault.h"
#include "core/runtime/files.h"
#include "execution-controller/execution_process.h"
#include "master/assets/asset_store.h"
#include "master/executions/executions.h"
#include "tests/simulation/mutation.h"
#include "worker/worker.h"

namespace slicemill::simulation {

namespace {

constexpr std::int64_t kSlots = 8;

DataLayout layout_in(const std::string& directory) {
  DataLayout layout = DataLayout::of(directory + "/data");
  layout.runtime = directory + "/run";
  return layout;
}

ExecutionSettings settings() {
  ExecutionSettings settings;
  settings.retry_base_ms = 60;
  return settings;
}

}  // namespace

// Knows of deaths and causes them, for controllers and workers.
class Cluster::SimulatedMonitor final : public ProcessMonitor {
 public:
  SimulatedMonitor(World& world, Process& process) : world_(world), process_(process) {}
  std::unique_ptr<ProcessWatch> watch(const ProcessIdentity& process,
                                      std::function<void(ProcessExit)> on_exit) override {
    return world_.watch(process_, process, std::move(on_exit));
  }
  void kill(const ProcessIdentity& process) override {
    if (!process_.alive) return;
    if (Process* found = world_.find(process)) world_.kill(*found, SIGKILL);
  }
  bool alive(const ProcessIdentity& process) override { return world_.find(process) != nullptr; }

 private:
  World& world_;
  Process& process_;
};

class Cluster::SimulatedLauncher final : public master::Launcher {
 public:
  SimulatedLauncher(Cluster& cluster, Process& process) : cluster_(cluster), process_(process) {}

  void start_controller(const master::ControllerOrder& order, Started started) override {
    tell(std::move(started),
         start(ProcessKind::controller, order.ex_id.text,
               [&cluster = cluster_, order](Process& process) { cluster.run_controller(process, order.launch_file); }));
  }
  void start_worker(const master::WorkerOrder& order, Started started) override {
    tell(std::move(started),
         start(ProcessKind::worker, order.ex_id.text, [&cluster = cluster_, order](Process& process) {
           (void)posix_files().create_directories(order.marker_directory);
           cluster.run_worker(process, order.worker_id.text, order.controller_endpoint,
                              fmt::format("{}/{}.begun", order.marker_directory, order.worker_id.text));
         }));
  }
  std::unique_ptr<ProcessWatch> watch(const ProcessIdentity& process,
                                      std::function<void(ProcessExit)> on_exit) override {
    return cluster_.world.watch(process_, process, std::move(on_exit));
  }
  bool alive(const ProcessIdentity& process) override { return cluster_.world.find(process) != nullptr; }
  Result<void> signal(const ProcessIdentity& process, int signal_number) override {
    Process* found = process_.alive ? cluster_.world.find(process) : nullptr;
    if (found == nullptr) return Error(ErrorCode::not_found, "gone");
    if (signal_number == SIGKILL) {
      cluster_.world.kill(*found, SIGKILL);
    } else if (found->leave) {
      cluster_.world.at(cluster_.world.now() + kMicrosecond, found, found->leave);
    }
    return {};
  }

 private:
  Result<ProcessIdentity> start(ProcessKind kind, const std::string& execution, std::function<void(Process&)> main) {
    if (!cluster_.world.step(process_, "spawn")) return Error(ErrorCode::cancelled, "the process is dead");
    Process& child = cluster_.world.spawn(kind, &process_, execution);
    cluster_.world.at(cluster_.world.now() + cluster_.world.between(2 * kMillisecond, 12 * kMillisecond), &child,
                      [main = std::move(main), &child] { main(child); });
    return child.identity();
  }
  // The process may say hello before who started it knows of it.
  void tell(Started started, const Result<ProcessIdentity>& process) {
    cluster_.world.at(cluster_.world.now() + cluster_.world.between(0, 20 * kMillisecond), &process_,
                      [started = std::move(started), process] { started(process); });
  }

  Cluster& cluster_;
  Process& process_;
};

// Members in order of dependency.
struct Cluster::MasterBody {
  std::unique_ptr<master::Registry> registry;
  std::unique_ptr<SimulatedLauncher> launcher;
  std::unique_ptr<master::AssetStore> assets;
  std::unique_ptr<master::Executions> executions;
  std::unique_ptr<master::MasterService> service;
};

struct Cluster::ControllerBody {
  std::unique_ptr<Files> files;
  std::unique_ptr<LedgerStore> ledgers;
  std::unique_ptr<SimulatedMonitor> monitor;
  std::unique_ptr<ServerChannel> workers;
  std::unique_ptr<ClientChannel> master;
  ControllerLaunch launch;
  std::unique_ptr<controller::ExecutionProcess> process;
};

struct Cluster::WorkerBody {
  std::unique_ptr<Files> files;
  std::unique_ptr<SimulatedMonitor> monitor;
  std::unique_ptr<worker::Worker> worker;
};

Cluster::Cluster(std::uint64_t seed, const std::string& directory)
    : world(seed), layout(layout_in(directory)), user(world.spawn(ProcessKind::user, nullptr)) {
  (void)posix_files().remove_tree(directory);
  (void)posix_files().create_directories(layout.data + "/ledgers");
  (void)posix_files().create_directories(layout.runtime);
  network.on_send = [this](Process& from, std::string_view frame) { checks.on_send(from, frame); };
  disk.on_renamed = [this](Process& process, const std::string& name, const std::string& content, bool replaced) {
    checks.on_renamed(process, name, content, replaced);
  };
  world.on_death = [this](Process& process) {
    if (&process == master_) {
      master_ = nullptr;
      master_body_ = nullptr;
    }
  };
  disk.syncs_nothing = planted() == "disk.sync_nothing";
  disk.renames_replace = planted() == "disk.rename_replaces";
  // A point that is passed is a step like any other.
  set_fault_handler([this](std::string_view point) -> Result<void> {
    if (point == "thread") return {};  // a real one of this process, that runs share
    Process* process = world.current();
    if (process != nullptr && !world.step(*process, point)) return Error(ErrorCode::io, "the process is dead");
    return {};
  });
}

Cluster::~Cluster() {
  set_fault_handler(nullptr);
  world.on_death = nullptr;
  world.end();
}

Process* Cluster::master() {
  return master_;
}

master::MasterService& Cluster::service() {
  return *master_body_->service;
}

master::Registry& Cluster::registry() {
  return *master_body_->registry;
}

void Cluster::start_master() {
  if (master_ != nullptr) return;
  Process& process = world.spawn(ProcessKind::master, nullptr);
  auto body = std::make_shared<MasterBody>();
  auto registry = master::Registry::open(process.loop, layout.registry_file(), api::teraslice::job_dialect());
  if (!registry) {
    world.violation("the registry cannot be opened: " + registry.error().message);
    return;
  }
  body->registry = std::move(*registry);
  body->launcher = std::make_unique<SimulatedLauncher>(*this, process);
  body->assets = std::make_unique<master::AssetStore>(process.loop, *body->registry, api::teraslice::job_dialect(),
                                                      master::AssetStoreOptions{layout.assets_directory()});
  (void)body->assets->open();
  body->executions = std::make_unique<master::Executions>(
      process.loop, *body->registry, *body->launcher, network.bind(process, layout.master_endpoint()),
      master::ExecutionsOptions{layout, kSlots, settings(), "fatal"});
  body->service = std::make_unique<master::MasterService>(
      process.loop, *body->registry, *body->executions, api::teraslice::job_dialect(), builtin_operations(),
      *body->assets, PathRule{false, "/"}, master::NodeFacts{"simulated", "host", "127.0.0.1", process.pid});
  process.body = body;
  master_ = &process;
  master_body_ = body.get();
  world.at(world.now() + kMillisecond, &process, [this, &process, body] {
    if (const auto adopted = body->executions->adoption().adopt_all(); !adopted && process.alive)
      world.violation("the master cannot adopt: " + adopted.error().message);
  });
}

void Cluster::run_controller(Process& process, const std::string& launch_file) {
  checks.on_controller_start(process);
  const auto exit = [this, &process](int code) { world.kill(process, 0, code); };
  auto text = read_whole_file(posix_files(), launch_file);
  auto json = text ? parse_json(*text) : text.error();
  const auto launch = json ? ControllerLaunch::from_json(*json) : json.error();
  if (!launch) {
    exit(3);
    return;
  }
  auto body = std::make_shared<ControllerBody>();
  process.body = body;
  body->files = disk.files_of(process);
  body->ledgers = checks.ledgers_of(process);
  body->monitor = std::make_unique<SimulatedMonitor>(world, process);
  body->workers = network.make(process, launch->controller_endpoint);
  body->master = network.connect(process, launch->master_endpoint);
  body->launch = *launch;
  body->process =
      std::make_unique<controller::ExecutionProcess>(controller::Controller::Parts{.loop = process.loop,
                                                                                   .workers = *body->workers,
                                                                                   .master = body->master.get(),
                                                                                   .monitor = body->monitor.get(),
                                                                                   .files = *body->files,
                                                                                   .ledgers = *body->ledgers,
                                                                                   .self = process.identity()},
                                                     body->launch, exit);
  body->process->start();
}

void Cluster::run_worker(Process& process, const std::string& worker_id, const std::string& endpoint,
                         const std::string& marker_path) {
  auto body = std::make_shared<WorkerBody>();
  process.body = body;
  body->files = disk.files_of(process);
  body->monitor = std::make_unique<SimulatedMonitor>(world, process);
  Files& files = *body->files;
  const auto runner_of = [worker_id, &files](const wire::Welcome& welcome) -> Result<std::unique_ptr<SliceRunner>> {
    ASSIGN_OR_RETURN(const JobSpec job, parse_job_spec(welcome.job));
    const bool is_of_tasks = job.plan.nodes.back().operation.name == "task";
    const auto& operations = is_of_tasks ? simulated_tasks() : builtin_operations();
    return make_slice_runner(job, welcome.generation_ids, {worker_id}, operations, files);
  };
  const auto executor_of = [this, &process](Loop&, worker::MakeRunner make_runner, std::unique_ptr<InFlightMarker> note,
                                            worker::SliceExecutor::Hooks hooks) {
    return make_simulated_executor(
        world, process, odds,
        [this, &process](const wire::SliceOrder& slice) { checks.on_slice_begun(process, slice); },
        std::move(make_runner), std::move(note), std::move(hooks));
  };
  body->worker = std::make_unique<worker::Worker>(
      process.loop, network.connect(process, endpoint), body->monitor.get(),
      worker::WorkerSettings{.worker_id = worker_id, .process = process.identity(), .marker_path = marker_path},
      runner_of, [this, &process](const std::string& reason) { world.kill(process, 0, reason.empty() ? 0 : 1); },
      executor_of);
  process.leave = [worker = body->worker.get()] { worker->leave(); };
  body->worker->start();
}

void Cluster::kill_all(bool power) {
  for (const auto kind : {ProcessKind::master, ProcessKind::controller, ProcessKind::worker})
    for (Process* process : world.living(kind)) world.kill(*process, SIGKILL);
  if (power) disk.lose_power();
}

}  // namespace slicemill::simulation
