#include "master/executions/controller_launches.h"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/runtime/files.h"
#include "core/runtime/json.h"

namespace slicemill::master {

namespace {

// Atomic, but not synced: after a power failure the execution is started anew, with a new file.
Result<void> write_launch_file(const std::string& path, ControllerLaunch launch, std::string_view job) {
  ASSIGN_OR_RETURN(launch.job, spec_of(ExecutionId(launch.ex_id), job));
  Files& files = posix_files();
  RETURN_IF_ERROR(files.create_directories(path.substr(0, path.rfind('/'))));
  RETURN_IF_ERROR(files.create_directories(launch.log_path.substr(0, launch.log_path.rfind('/'))));
  const std::string temporary = path + ".new";
  ASSIGN_OR_RETURN(auto file, files.create(temporary));
  RETURN_IF_ERROR(file->write(to_compact_text(launch.to_json())));
  RETURN_IF_ERROR(file->close());
  return files.rename_replace(temporary, path);
}

}  // namespace

Environment process_environment(Environment of_job, const Environment& of_master, std::string_view log_level) {
  for (const auto& variable : of_master) {
    const auto same = [&](const auto& other) { return other.first == variable.first; };
    if (std::ranges::none_of(of_job, same)) of_job.push_back(variable);
  }
  of_job.emplace_back("SLICEMILL_LOG_LEVEL", log_level);
  return of_job;
}

ControllerLaunches::ControllerLaunches(Loop& loop, Registry& registry, const LiveExecutions& live, StatusWriter& writer,
                                       const ExecutionsOptions& options, std::string no_cpu_limit)
    : loop_(loop),
      registry_(registry),
      live_(live),
      writer_(writer),
      options_(options),
      no_cpu_limit_(std::move(no_cpu_limit)),
      endpoints_(options.layout, options.worker_transport) {}

Result<GroupSpec> ControllerLaunches::group_spec(const LiveExecution& live) {
  ASSIGN_OR_RETURN(const auto row, registry_.execution_facts(live.ex_id));
  if (!row) return Error{ErrorCode::internal, fmt::format("execution {} is not in the registry", live.ex_id.text)};
  ASSIGN_OR_RETURN(const JobSpec job, settings_of(registry_, *row));
  const DataLayout& layout = options_.layout;
  GroupSpec spec;
  spec.ex_id = live.ex_id;
  spec.job_id = live.job_id;
  spec.log_directory = layout.log_directory(live.ex_id.text);
  spec.launch_file = layout.launch_file(live.ex_id.text);
  ASSIGN_OR_RETURN(const ControllerEndpoint endpoint, endpoints_.of(live.ex_id));
  spec.controller_endpoint = endpoint.endpoint;
  spec.controller_key = endpoint.keys.public_key;
  spec.marker_directory = layout.marker_directory(live.ex_id.text);
  spec.log_level = job.log_level.empty() ? options_.log_level : job.log_level;
  spec.environment = process_environment(job.environment, options_.environment, spec.log_level);
  spec.worker_memory_limit = job.worker_memory_limit;
  if (no_cpu_limit_.empty()) spec.worker_cpu_limit = job.worker_cpu_limit;
  spec.connections = connection_names(job);
  return spec;
}

// `job` becomes the text of its job, which is not read yet.
Result<ControllerLaunch> ControllerLaunches::launch_of(const ExecutionId& id, std::string& job) {
  const LiveExecution* live = live_.find(id);
  if (live == nullptr) return Error{ErrorCode::cancelled, fmt::format("execution {} has ended", id.text)};
  ASSIGN_OR_RETURN(const auto row, registry_.execution_facts(id));
  if (!row) return Error{ErrorCode::internal, fmt::format("execution {} is not in the registry", id.text)};
  const DataLayout& layout = options_.layout;
  ControllerLaunch launch;
  launch.ex_id = id.text;
  launch.job_id = live->job_id.text;
  launch.epoch = live->epoch;
  ASSIGN_OR_RETURN(job, stored_spec(registry_, *row));
  launch.ledger_directory = layout.ledger_directory(id.text);
  launch.ledger_was_made = row->has_ledger;
  launch.master_notes_ledger = true;
  if (!row->source_ledger.empty()) launch.source_ledger_directory = layout.ledger_directory(row->source_ledger.text);
  launch.cleanup = row->cleanup;
  launch.master_endpoint = layout.master_endpoint();
  ASSIGN_OR_RETURN(const ControllerEndpoint endpoint, endpoints_.of(id));
  launch.controller_endpoint = endpoint.endpoint;
  launch.controller_public_key = endpoint.keys.public_key;
  launch.controller_secret_key = endpoint.keys.secret_key;
  launch.marker_directory = layout.marker_directory(id.text);
  launch.log_path = layout.log_directory(id.text) + "/controller.log";
  launch.settings = options_.settings;
  return launch;
}

void ControllerLaunches::prepare(const ExecutionId& id, std::function<void(Result<std::uint64_t>)> ready) {
  LiveExecution* live = live_.find(id);
  if (live == nullptr || std::exchange(live->has_unused_epoch, false)) {
    write_launch(id, ready);
    return;
  }
  auto epoch = writer_.next_epoch(*live);
  if (!epoch) {
    loop_.post([ready = std::move(ready), error = epoch.error()] { ready(error); });
    return;
  }
  RegistryBatch batch;
  batch.epochs.push_back(std::move(*epoch));
  registry_.write(std::move(batch),
                  [this, alive = std::weak_ptr<int>(alive_), id, ready = std::move(ready)](const Result<void>& result) {
                    if (alive.expired()) return;
                    if (result) {
                      write_launch(id, ready);
                    } else {
                      ready(result.error());
                    }
                  });
}

// With the last epoch that was issued. A job may be large, so its text is read and written beside the loop.
void ControllerLaunches::write_launch(const ExecutionId& id, const std::function<void(Result<std::uint64_t>)>& ready) {
  std::string job;
  auto launch = launch_of(id, job);
  if (!launch) {
    loop_.post([ready, error = launch.error()] { ready(error); });
    return;
  }
  const std::uint64_t epoch = launch->epoch;
  auto outcome = std::make_shared<Result<void>>();
  loop_.offload(
      Loop::Executor::store,
      [outcome, launch = std::move(*launch), job = std::move(job),
       path = options_.layout.launch_file(id.text)]() mutable {
        *outcome = write_launch_file(path, std::move(launch), job);
      },
      [outcome, epoch, ready] { ready(*outcome ? Result<std::uint64_t>(epoch) : outcome->error()); });
}

void ControllerLaunches::forget(const ExecutionId& id) {
  endpoints_.forget(id);
  loop_.offload(
      Loop::Executor::store, [path = options_.layout.launch_file(id.text)] { (void)posix_files().remove(path); },
      [] {});
}

}  // namespace slicemill::master
