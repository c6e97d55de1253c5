#include "master/executions/execution_verbs.h"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "core/runtime/log.h"

namespace slicemill::master {

namespace {

using enum ExecutionStatus;
using std::chrono::duration_cast;
using std::chrono::milliseconds;

// Clients match on this text.
Error no_active_execution(const ExecutionId& id) {
  return {ErrorCode::not_found, fmt::format("no active execution context was found for ex_id: {}", id.text)};
}

bool not_running_yet(ExecutionStatus status) {
  return status == pending || status == scheduling || status == initializing;
}

// Whether an execution of this status is what the verb, pause or resume, makes of it.
bool is_reached(wire::VerbName verb, ExecutionStatus status) {
  if (verb == wire::VerbName::pause) return status == paused;
  return status == running || status == failing || status == recovering;
}

// The status that the controller reached, if its answer says so: {"status": "paused"}.
std::optional<ExecutionStatus> status_in(const std::string& body) {
  const auto json = parse_json(body);
  if (!json || !json->is_object()) return std::nullopt;
  const auto status = json->find("status");
  if (status == json->end() || !status->is_string()) return std::nullopt;
  return parse_execution_status(status->get_ref<const std::string&>());
}

}  // namespace

ExecutionVerbs::ExecutionVerbs(Loop& loop, Registry& registry, Executions& executions)
    : loop_(loop), registry_(registry), executions_(executions) {}

// ---- pause, resume ----

// What could not be recorded is refused before it changes anything.
template <typename T>
bool ExecutionVerbs::refuses(const Reply<T>& reply) const {
  const std::string obstacle = executions_.obstacle();
  if (obstacle.empty()) return false;
  reply(Error{ErrorCode::unavailable, obstacle});
  return true;
}

void ExecutionVerbs::pause(const ExecutionId& id, Reply<ExecutionStatus> reply) {
  if (refuses(reply)) return;
  LiveExecution* live = executions_.find(id);
  if (live == nullptr || is_terminal(live->status)) {
    reply(no_active_execution(id));
  } else if (not_running_yet(live->status) || live->status == stopping) {
    reply(not_available(id, wire::VerbName::pause, live->status));
  } else {
    forward(id, wire::VerbName::pause, paused, std::move(reply));
  }
}

void ExecutionVerbs::resume(const ExecutionId& id, Reply<ExecutionStatus> reply) {
  if (refuses(reply)) return;
  LiveExecution* live = executions_.find(id);
  if (live == nullptr || is_terminal(live->status)) {
    reply(no_active_execution(id));
  } else if (not_running_yet(live->status) || live->status == stopping) {
    reply(not_available(id, wire::VerbName::resume, live->status));
  } else {
    forward(id, wire::VerbName::resume, live->status == paused ? running : live->status, std::move(reply));
  }
}

void ExecutionVerbs::forward(const ExecutionId& id, wire::VerbName verb, ExecutionStatus expected,
                             Reply<ExecutionStatus> reply) {
  executions_.links().verb(id, verb, "",
                           [this, id, verb, expected, reply = std::move(reply)](const Result<wire::Answer>& answer) {
                             mirrored(id, verb, expected, answer, reply);
                           });
}

Error ExecutionVerbs::not_available(const ExecutionId& id, wire::VerbName verb, ExecutionStatus status) const {
  const std::string why = status == paused ? executions_.live_reason(id) : std::string();  // an obstacle
  return {ErrorCode::conflict, fmt::format("Execution {} is not available to {}, it is {}{}{}", id.text,
                                           verb == wire::VerbName::pause ? "pause" : "resume", to_string(status),
                                           why.empty() ? "" : ": ", why)};
}

void ExecutionVerbs::mirrored(const ExecutionId& id, wire::VerbName verb, ExecutionStatus expected,
                              const Result<wire::Answer>& answer, const Reply<ExecutionStatus>& reply) {
  LiveExecution* live = executions_.find(id);
  if (live == nullptr || is_terminal(live->status)) {
    reply(no_active_execution(id));
    return;
  }
  if (!answer) {
    // Its own words for a conflict differ with who was faster; the status says it all.
    reply(answer.error().code == ErrorCode::conflict && live->status == stopping ? not_available(id, verb, live->status)
                                                                                 : answer.error());
    return;
  }
  // What the controller says is true, even if it is not what was asked for: it may be stopping by now.
  // One that was just restarted is still opening: the wish is in its ledger, and it will be what was asked for.
  const auto answered = status_in(answer->body);
  const ExecutionStatus reached = answered && !not_running_yet(*answered) ? *answered : expected;
  if (!is_terminal(reached)) executions_.follow(*live, reached, "");
  executions_.when_durable(*live, [this, id, verb, reply] {
    const LiveExecution* mirrored_now = executions_.find(id);
    if (mirrored_now == nullptr || is_terminal(mirrored_now->durable_status)) {
      reply(no_active_execution(id));
    } else if (!is_reached(verb, mirrored_now->durable_status)) {
      reply(not_available(id, verb, mirrored_now->durable_status));
    } else {
      reply(mirrored_now->durable_status);
    }
  });
}

// ---- stop ----

void ExecutionVerbs::stop_ended(const ExecutionId& id, const Reply<StopAnswer>& reply) {
  const auto row = registry_.execution_facts(id);
  if (!row) {
    reply(row.error());
  } else if (!*row) {
    reply(Error{ErrorCode::not_found, fmt::format("Execution {} was not found", id.text)});
  } else {
    reply(StopAnswer{(*row)->status});
  }
}

void ExecutionVerbs::stop(const ExecutionId& id, const StopRequest& request, Reply<StopAnswer> reply) {
  LiveExecution* live = executions_.find(id);
  if (live == nullptr) {
    stop_ended(id, reply);
    return;
  }
  if (is_terminal(live->status)) {
    live->stop_waiters.push_back(std::move(reply));
    return;
  }
  // A stop that cannot be recorded changes nothing, so that is tried out before.
  registry_.probe([this, id, request, reply = std::move(reply)](const Result<void>& writable) {
    if (writable)
      begin_stop(id, request, reply);
    else
      reply(Error{ErrorCode::unavailable, executions_.obstacle()});
  });
}

void ExecutionVerbs::begin_stop(const ExecutionId& id, const StopRequest& request, Reply<StopAnswer> reply) {
  LiveExecution* live = executions_.find(id);
  if (live == nullptr) {
    stop_ended(id, reply);
    return;
  }
  if (live->status == pending) {  // no process yet
    executions_.change(*live, ExecutionEvent::stop, "");
    executions_.change(*live, ExecutionEvent::drained, "");
  }
  if (is_terminal(live->status)) {
    live->stop_waiters.push_back(std::move(reply));
    return;
  }
  // Durable before the controller hears of it: a controller that is restarted meanwhile is told when it says hello.
  if (live->status != stopping) executions_.change(*live, ExecutionEvent::stop, "");
  if (request.blocking) live->stop_waiters.push_back(reply);
  executions_.when_durable(*live, [this, id, request, reply = std::move(reply)] { send_stop(id, request, reply); });
}

void ExecutionVerbs::send_stop(const ExecutionId& id, const StopRequest& request, const Reply<StopAnswer>& reply) {
  LiveExecution* live = executions_.find(id);
  if (live == nullptr) {
    if (!request.blocking) stop_ended(id, reply);
    return;
  }
  const std::int64_t limit_ms =
      request.force ? 0 : request.timeout_ms.value_or(executions_.options().settings.shutdown_timeout_ms);
  const SteadyTime deadline = loop_.now() + milliseconds(limit_ms);
  live->stop_by = live->stop_by ? std::min(*live->stop_by, deadline) : deadline;
  const auto left = std::max<std::int64_t>(duration_cast<milliseconds>(*live->stop_by - loop_.now()).count(), 0);
  // It is told when it connects; the wish is durable already.
  const bool answered = !request.blocking && !executions_.links().connected(id);
  if (answered) reply(StopAnswer{live->durable_status});
  executions_.links().verb(id, wire::VerbName::stop, std::to_string(left),
                           [this, id, later = request.blocking || answered, reply](const Result<wire::Answer>& answer) {
                             if (later) return;  // answered at the end, or already
                             const LiveExecution* stopping_now = executions_.find(id);
                             if (stopping_now == nullptr) {
                               stop_ended(id, reply);
                             } else if (!answer) {
                               reply(answer.error());
                             } else {
                               reply(StopAnswer{stopping_now->durable_status});
                             }
                           });
}

// ---- workers ----

void ExecutionVerbs::change_workers(const ExecutionId& id, WorkerChange change, std::int64_t count,
                                    Reply<WorkersAnswer> reply) {
  if (refuses(reply)) return;
  if (count <= 0) {
    reply(Error{ErrorCode::invalid,
                "Must provide a valid worker parameter(add/remove/total) that is a number and greater than zero"});
    return;
  }
  LiveExecution* live = executions_.find(id);
  if (live == nullptr || is_terminal(live->status)) {
    reply(no_active_execution(id));
    return;
  }
  // From here on no sum leaves its type.
  if (count > kMostWorkers || (change == WorkerChange::add && live->wanted + count > kMostWorkers)) {
    reply(Error{ErrorCode::invalid, fmt::format("an execution has at most {} workers; {} has {} now", kMostWorkers,
                                                id.text, live->wanted)});
    return;
  }
  const std::int64_t difference = change == WorkerChange::total ? count - live->wanted
                                  : change == WorkerChange::add ? count
                                                                : -count;
  if (difference == 0) {
    reply(WorkersAnswer{"set", count});
  } else if (difference < 0) {
    remove_workers(*live, -difference, std::move(reply));
  } else {
    executions_.want_workers(*live, live->wanted + difference);
    executions_.when_durable(*live, [difference, reply = std::move(reply)] {
      reply(WorkersAnswer{"enqueued", difference});
    });
  }
}

void ExecutionVerbs::remove_workers(LiveExecution& live, std::int64_t count, Reply<WorkersAnswer> reply) {
  if (count >= live.wanted) {
    reply(Error{ErrorCode::invalid,
                fmt::format("workers to be removed: {} cannot be >= to current workers: {}", count, live.wanted)});
    return;
  }
  executions_.want_workers(live, live.wanted - count);
  executions_.when_durable(live, [reply, count] { reply(WorkersAnswer{"remove", count}); });
}

// ---- settings ----

void ExecutionVerbs::set_log_level(const ExecutionId& id, const std::string& level, Reply<ExecutionId> reply) {
  LiveExecution* live = executions_.find(id);
  if (live == nullptr || is_terminal(live->status)) {
    reply(no_active_execution(id));
  } else if (!executions_.links().connected(id)) {
    reply(Error{ErrorCode::unavailable, fmt::format("Execution {} is not available", id.text)});
  } else if (const auto known = parse_log_level(level); !known) {
    reply(known.error());
  } else {
    executions_.set_log_level(*live, level);
    reply(id);
  }
}

}  // namespace slicemill::master
