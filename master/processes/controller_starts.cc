#include "master/processes/controller_starts.h"

#include <fmt/core.h>

#include <utility>

#include "core/runtime/log.h"

namespace slicemill::master {

std::string controller_output(const GroupSpec& spec) {
  return spec.log_directory + "/controller.out";
}

void ControllerStarts::prepare(ProcessGroup& group) {
  group.preparing = true;
  groups_.events().prepare_controller(group.spec.ex_id, [this, alive = std::weak_ptr<int>(alive_),
                                                         id = group.spec.ex_id](const Result<std::uint64_t>& epoch) {
    if (!alive.expired()) is_prepared(id, epoch);
  });
}

void ControllerStarts::is_prepared(const ExecutionId& id, const Result<std::uint64_t>& epoch) {
  ProcessGroup* group = groups_.find(id);
  if (group == nullptr) return;
  group->preparing = false;
  if (group->released) {
    groups_.drop_if_gone(*group);
  } else if (group->controller) {
    return;  // one said hello meanwhile
  } else if (epoch) {
    group->prepared = true;
    launch(*group, *epoch);
    workers_.fill(*group);
  } else if (epoch.error().obstacle) {
    obstructed(*group, Duration::zero(), epoch.error().message);
  } else {
    failed(*group, std::nullopt, epoch.error().message);
  }
}

void ControllerStarts::launch(ProcessGroup& group, std::uint64_t epoch) {
  const GroupSpec& spec = group.spec;
  group.starting = true;
  groups_.launcher().start_controller(
      {spec.ex_id, spec.launch_file, controller_output(spec), spec.environment, spec.connections},
      [this, alive = std::weak_ptr<int>(alive_), id = spec.ex_id, epoch](const Result<ProcessIdentity>& process) {
        if (!alive.expired()) is_started(id, epoch, process);
      });
}

void ControllerStarts::is_started(const ExecutionId& id, std::uint64_t epoch, const Result<ProcessIdentity>& process) {
  ProcessGroup& group = *groups_.find(id);  // it stays while something of it starts
  group.starting = false;
  if (!process && group.released) {
    groups_.drop_if_gone(group);
    return;
  }
  if (!process) {
    const Error& error = process.error();
    if (error.obstacle)
      obstructed(group, Duration::zero(), error.message);
    else if (error.retryable)
      failed(group, std::nullopt, error.message);
    else
      groups_.events().gave_up(id, fmt::format("the execution controller cannot be started: {}", error.message));
    return;
  }
  ProcessRow row;
  row.ex_id = id;
  row.job_id = group.spec.job_id;
  row.is_controller = true;
  row.process = *process;
  row.epoch = epoch;
  log(LogLevel::info, "execution {}: controller started, pid {}, epoch {}", id.text, process->pid, epoch);
  groups_.add_started(group, std::move(row));
}

void ControllerStarts::failed(ProcessGroup& group, std::optional<Duration> life, const std::string& cause) {
  const ExecutionId id = group.spec.ex_id;
  const auto delay = group.controller_policy.on_exit(life.value_or(Duration::zero()));
  const int starts = group.controller_policy.failed_starts();
  if (starts <= 1) group.unstarted = 0;  // a first one, or a long life before
  if (!life) ++group.unstarted;
  const std::string where = fmt::format("; log: {}/controller.log", group.spec.log_directory);
  if (!delay) {
    const int died = starts - group.unstarted;
    std::string what = died > 0 ? fmt::format("died {} times within a minute of its start", died) : "";
    if (group.unstarted > 0)
      what += fmt::format("{}could not be started {} times", what.empty() ? "" : " and ", group.unstarted);
    groups_.events().gave_up(id, fmt::format("the execution controller {}, last: {}{}", what, cause, where));
    return;
  }
  groups_.events().controller_restarts(
      id, life ? fmt::format("the execution controller died ({}), starting it again{}", cause, where)
               : fmt::format("the execution controller could not be started ({}), trying again{}", cause, where));
  prepare_after(group, *delay);
}

void ControllerStarts::obstructed(ProcessGroup& group, Duration life, const std::string& cause) {
  waits(group, life, fmt::format("obstacle: the execution controller cannot be started: {}", cause));
}

void ControllerStarts::waits(ProcessGroup& group, Duration life, const std::string& reason) {
  const Duration delay = group.obstructed_policy.on_exit(life).value_or(Duration::zero());
  prepare_after(group, delay);
  groups_.events().controller_waits(group.spec.ex_id, reason);
}

void ControllerStarts::prepare_after(ProcessGroup& group, Duration delay) {
  groups_.loop().cancel(group.controller_timer);
  group.controller_timer = groups_.later(group, delay, [this](ProcessGroup& found) {
    found.controller_timer = 0;
    if (!found.released && !found.controller && !found.preparing && !found.starting) prepare(found);
  });
}

}  // namespace slicemill::master
