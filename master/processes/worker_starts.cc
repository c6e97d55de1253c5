#include "master/processes/worker_starts.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "core/runtime/log.h"

namespace slicemill::master {
namespace {

// A worker that lives so long had all the threads that it needs.
constexpr Duration kSettledWorker = std::chrono::seconds(1);

std::int64_t free_place(const ProcessGroup& group) {
  std::int64_t place = 1;
  while (group.workers.contains(place)) ++place;
  return place;
}

}  // namespace

void WorkerStarts::fill(ProcessGroup& group) {
  if (!group.prepared || group.filling || group.released || group.worker_timer != 0) return;
  if (static_cast<std::int64_t>(group.workers.size()) >= group.wanted) return;
  group.filling = true;
  groups_.loop().post([this, alive = std::weak_ptr<int>(alive_), id = group.spec.ex_id] {
    ProcessGroup* found = alive.expired() ? nullptr : groups_.find(id);
    if (found == nullptr) return;
    const bool is_wanted = !found->released && static_cast<std::int64_t>(found->workers.size()) < found->wanted;
    if (is_wanted)
      launch(*found);
    else
      found->filling = false;
    groups_.drop_if_gone(*found);
  });
}

void WorkerStarts::launch(ProcessGroup& group) {
  const GroupSpec& spec = group.spec;
  ProcessRow row;
  row.ex_id = spec.ex_id;
  row.job_id = spec.job_id;
  row.place = free_place(group);
  row.worker_id = new_worker_id(groups_.loop());
  const std::string log_base = fmt::format("{}/worker-{}", spec.log_directory, row.place);
  const WorkerOrder order{spec.ex_id,
                          row.worker_id,
                          spec.controller_endpoint,
                          spec.controller_key,
                          spec.marker_directory,
                          log_base + ".log",
                          spec.log_level,
                          log_base + ".out",
                          spec.environment,
                          spec.worker_memory_limit,
                          spec.worker_cpu_limit,
                          spec.connections};
  groups_.launcher().start_worker(
      order, [this, alive = std::weak_ptr<int>(alive_), row](const Result<ProcessIdentity>& process) {
        if (!alive.expired()) is_started(row, process);
      });
}

void WorkerStarts::is_started(ProcessRow row, const Result<ProcessIdentity>& process) {
  ProcessGroup& group = *groups_.find(row.ex_id);  // it stays while something of it starts
  group.filling = false;
  if (!process && group.released) {
    groups_.drop_if_gone(group);
  } else if (!process) {
    const Error& error = process.error();
    if (error.obstacle) {
      obstructed(group, Duration::zero(), error.message);
    } else if (error.retryable) {
      log(LogLevel::error, "execution {}: {}", row.ex_id.text, error.message);
      failed(group, Duration::zero(), Duration::zero());
    } else {
      groups_.events().gave_up(row.ex_id, fmt::format("a worker cannot be started: {}", error.message));
    }
  } else {
    row.process = *process;
    const ProcessChild& child = groups_.add_started(group, std::move(row));
    if (group.workers_wait) look_for_settled(group, child.row.place, child.row.ordinal);
    fill(group);
  }
}

void WorkerStarts::failed(ProcessGroup& group, Duration life, Duration least_delay) {
  fill_after(group, std::max(group.worker_policy.on_exit(life).value_or(Duration::zero()), least_delay));
}

// Nothing is wrong with the execution: it waits for room for its workers, and says so.
void WorkerStarts::obstructed(ProcessGroup& group, Duration life, const std::string& cause) {
  if (!group.workers_wait)
    log(LogLevel::warn, "execution {}: no worker can be started: {}", group.spec.ex_id.text, cause);
  group.workers_wait = true;
  fill_after(group, group.obstructed_worker_policy.on_exit(life).value_or(Duration::zero()));
  groups_.events().workers_wait(group.spec.ex_id, fmt::format("obstacle: no worker can be started: {}", cause));
}

void WorkerStarts::look_for_settled(ProcessGroup& group, std::int64_t place, std::int64_t ordinal) {
  groups_.later(group, kSettledWorker, [this, place, ordinal](ProcessGroup& found) {
    const auto worker = found.workers.find(place);
    if (!found.workers_wait || worker == found.workers.end() || worker->second->row.ordinal != ordinal) return;
    go_on(found);
  });
}

void WorkerStarts::go_on(ProcessGroup& group) {
  if (!std::exchange(group.workers_wait, false)) return;
  log(LogLevel::info, "execution {}: it does not wait for workers any more", group.spec.ex_id.text);
  groups_.events().workers_wait(group.spec.ex_id, "");
}

void WorkerStarts::fill_after(ProcessGroup& group, Duration delay) {
  if (delay == Duration::zero()) {
    fill(group);
    return;
  }
  if (group.worker_timer != 0) return;
  group.worker_timer = groups_.later(group, delay, [this](ProcessGroup& found) {
    found.worker_timer = 0;
    fill(found);
  });
}

}  // namespace slicemill::master
