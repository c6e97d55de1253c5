#include "master/master.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <thread>
#include <utility>

#include "core/runtime/log.h"
#include "core/wire/zmq_channel.h"
#include "master/assets/asset_store.h"
#include "master/data_directory.h"
#include "master/event_feed.h"
#include "master/executions/executions.h"
#include "master/master_service.h"
#include "master/processes/launchers/local_launcher.h"
#include "master/registry/registry.h"

namespace slicemill::master {

namespace {

constexpr int kFewestSlots = 8;
// What stopping all executions may take beyond their own deadline.
constexpr Duration kStopMargin = std::chrono::seconds(30);
constexpr Duration kConfirmAgain = std::chrono::seconds(1);

std::string host_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return "localhost";
  return name.data();
}

PathRule path_rule(const MasterOptions& options) {
  std::error_code ignored;
  return {false, options.working_directory.empty() ? std::filesystem::current_path(ignored).string()
                                                   : options.working_directory};
}

}  // namespace

int default_slots() {
  return std::max(kFewestSlots, 2 * static_cast<int>(std::thread::hardware_concurrency()));
}

// In order of dependency: each member uses those above it.
struct Master::Body {
  AsioLoop& loop;
  MasterOptions options;
  std::unique_ptr<DataDirectory> directory;
  std::unique_ptr<Registry> registry;
  std::unique_ptr<Launcher> launcher;
  std::unique_ptr<AssetStore> assets;
  std::unique_ptr<Executions> executions;
  std::unique_ptr<MasterService> service;
  std::unique_ptr<ExecutionEventFeed> events;
  std::function<void()> on_shut_down;
  bool shutting_down = false;
  Loop::TimerId shut_down_timer = 0;
  Loop::TimerId confirm_timer = 0;

  ~Body() {
    loop.cancel(shut_down_timer);
    loop.cancel(confirm_timer);
  }

  void confirm_identity();
  void stop_all(const std::function<void()>& then);
  void flush_and_end();
};

Master::Master(std::unique_ptr<Body> body) : body_(std::move(body)) {}
Master::~Master() = default;

Result<std::unique_ptr<Master>> Master::open(AsioLoop& loop, MasterOptions options, const JobDialect& dialect,
                                             const OperationCatalog& catalog) {
  auto launcher = make_local_launcher(
      loop, {options.controller_program, options.worker_program},
      {options.standby_processes, process_environment({}, options.environment, to_string(options.log_level))},
      options.connections);
  return open(loop, std::move(options), dialect, catalog, std::move(launcher));
}

Result<std::unique_ptr<Master>> Master::open(AsioLoop& loop, MasterOptions options, const JobDialect& dialect,
                                             const OperationCatalog& catalog, std::unique_ptr<Launcher> launcher) {
  if (options.data.empty() || options.data.front() != '/') {
    return Error{ErrorCode::invalid,
                 fmt::format("the data directory must be an absolute path, got \"{}\"", options.data)};
  }
  std::unique_ptr<Body> body(new Body{loop, std::move(options), {}, {}, {}, {}, {}, {}, {}, {}});
  ASSIGN_OR_RETURN(body->directory, DataDirectory::open(body->options.data));
  const DataLayout& layout = body->directory->layout();
  ASSIGN_OR_RETURN(body->registry, Registry::open(loop, layout.registry_file(), dialect));
  body->launcher = std::move(launcher);
  ASSIGN_OR_RETURN(auto channel, bind_zmq_channel(loop, layout.master_endpoint()));
  const MasterOptions& given = body->options;
  body->assets = std::make_unique<AssetStore>(
      loop, *body->registry, dialect,
      AssetStoreOptions{given.assets_directory.empty() ? layout.assets_directory() : given.assets_directory,
                        given.asset_size_limit, UnpackLimits{.bytes = given.asset_unpacked_limit}});
  RETURN_IF_ERROR(body->assets->open());
  body->executions = std::make_unique<Executions>(
      loop, *body->registry, *body->launcher, std::move(channel),
      ExecutionsOptions{layout, given.slots, given.settings, std::string(to_string(given.log_level)), given.environment,
                        given.worker_transport, own_process() ? std::optional(*own_process()) : std::nullopt,
                        given.connections->types()});
  body->service = std::make_unique<MasterService>(
      loop, *body->registry, *body->executions, dialect, catalog, *body->assets, path_rule(given),
      NodeFacts{given.name, host_name(), given.bind, getpid(), given.build}, given.retention);
  body->events = std::make_unique<ExecutionEventFeed>(loop, *body->registry, *body->executions);
  switch (body->directory->origin()) {
    case DataDirectory::Origin::same:
      RETURN_IF_ERROR(body->executions->adoption().adopt_all());
      break;
    case DataDirectory::Origin::moved:
      RETURN_IF_ERROR(body->executions->adoption().adopt_moved(body->directory->former_path()));
      break;
    case DataDirectory::Origin::copied:
      RETURN_IF_ERROR(body->executions->adoption().disown_all(body->directory->former_path()));
      break;
  }
  body->confirm_identity();
  if (!given.autoload_directory.empty()) body->assets->load_directory(given.autoload_directory);
  return std::unique_ptr<Master>(new Master(std::move(body)));
}

JobService& Master::service() {
  return *body_->service;
}

JobViews& Master::views() {
  return body_->service->views();
}

EventFeed& Master::events() {
  return *body_->events;
}

AssetService& Master::assets() {
  return *body_->assets;
}

// Once all that was asked for by then is durable. Until then the next master would find the same, and do the same
// again.
void Master::Body::confirm_identity() {
  registry->write({}, [this](const Result<void>& written) {
    const auto confirmed = written ? directory->confirm() : written;
    if (confirmed) return;
    log(LogLevel::warn, "the identity of the data directory is not noted: {}", confirmed.error().message);
    confirm_timer = loop.after(kConfirmAgain, [this] { confirm_identity(); });
  });
}

void Master::Body::stop_all(const std::function<void()>& then) {
  auto left = std::make_shared<std::size_t>(executions->all().size());
  if (*left == 0) {
    then();
    return;
  }
  StopRequest request;
  std::vector<ExecutionId> ids;
  for (const auto* live : executions->all()) ids.push_back(live->ex_id);
  shut_down_timer =
      loop.after(std::chrono::milliseconds(options.settings.shutdown_timeout_ms) + kStopMargin, [left, then] {
        if (std::exchange(*left, 0) > 0) then();
      });
  for (const auto& id : ids) {
    service->stop(id, request, [left, then](const Result<StopAnswer>&) {
      if (*left > 0 && --*left == 0) then();
    });
  }
}

// The next master finds each process of this one. Then an empty write: the executor is first in, first out, so all
// before it is durable too.
void Master::Body::flush_and_end() {
  executions->when_processes_noted([this] {
    registry->write({}, [this](const Result<void>&) {
      events->close();
      if (const auto done = std::exchange(on_shut_down, nullptr)) done();
    });
  });
}

void Master::shut_down(std::function<void()> done) {
  body_->on_shut_down = std::move(done);
  if (std::exchange(body_->shutting_down, true)) return;
  body_->service->close();
  body_->assets->close();
  body_->executions->close_admission();
  if (body_->options.stop_executions_on_exit) {
    body_->stop_all([body = body_.get()] { body->flush_and_end(); });
  } else {
    body_->flush_and_end();
  }
}

}  // namespace slicemill::master
