#include "core/model/execution.h"

#include <algorithm>
#include <deque>

namespace slicemill {
namespace {

using enum ExecutionStatus;
using Event = ExecutionEvent;
using Effect = ExecutionEffect;

// clang-format off
constexpr Transition kTransitions[] = {
    {pending,      Event::admitted,             scheduling,   Effect::start_controller},
    {pending,      Event::stop,                 stopping,     Effect::none},
    {pending,      Event::refused,              rejected,     Effect::none},
    {pending,      Event::fatal,                failed,       Effect::none},

    {scheduling,   Event::controller_up,        initializing, Effect::none},
    {scheduling,   Event::stop,                 stopping,     Effect::none},
    {scheduling,   Event::fatal,                failed,       Effect::release},
    {scheduling,   Event::lost,                 terminated,   Effect::release},

    {initializing, Event::slicer_ready,         running,      Effect::none},
    {initializing, Event::replay_needed,        recovering,   Effect::none},
    {initializing, Event::pause,                paused,       Effect::none},
    {initializing, Event::stop,                 stopping,     Effect::none},
    {initializing, Event::fatal,                failed,       Effect::release},
    {initializing, Event::lost,                 terminated,   Effect::release},

    {recovering,   Event::replay_done,          running,      Effect::none},
    {recovering,   Event::slice_failed,         failing,      Effect::none},
    {recovering,   Event::pause,                paused,       Effect::none},
    {recovering,   Event::stop,                 stopping,     Effect::none},
    {recovering,   Event::all_done,             completed,    Effect::release},
    {recovering,   Event::all_done_with_errors, failed,       Effect::release},
    {recovering,   Event::fatal,                failed,       Effect::release},
    {recovering,   Event::lost,                 terminated,   Effect::release},

    {running,      Event::slice_failed,         failing,      Effect::none},
    {running,      Event::pause,                paused,       Effect::none},
    {running,      Event::stop,                 stopping,     Effect::none},
    {running,      Event::all_done,             completed,    Effect::release},
    {running,      Event::all_done_with_errors, failed,       Effect::release},
    {running,      Event::fatal,                failed,       Effect::release},
    {running,      Event::lost,                 terminated,   Effect::release},

    {failing,      Event::probation_over,       running,      Effect::none},
    {failing,      Event::pause,                paused,       Effect::none},
    {failing,      Event::stop,                 stopping,     Effect::none},
    {failing,      Event::all_done_with_errors, failed,       Effect::release},
    {failing,      Event::fatal,                failed,       Effect::release},
    {failing,      Event::lost,                 terminated,   Effect::release},

    {paused,       Event::resume_to_running,    running,      Effect::none},
    {paused,       Event::resume_to_failing,    failing,      Effect::none},
    {paused,       Event::resume_to_recovering, recovering,   Effect::none},
    {paused,       Event::stop,                 stopping,     Effect::none},
    {paused,       Event::all_done,             completed,    Effect::release},  // the last slices were in flight when it was paused
    {paused,       Event::all_done_with_errors, failed,       Effect::release},
    {paused,       Event::fatal,                failed,       Effect::release},
    {paused,       Event::lost,                 terminated,   Effect::release},

    {stopping,     Event::drained,              stopped,      Effect::release},
    {stopping,     Event::all_done,             completed,    Effect::release},
    {stopping,     Event::all_done_with_errors, failed,       Effect::release},
    {stopping,     Event::fatal,                failed,       Effect::release},
    {stopping,     Event::lost,                 terminated,   Effect::release},
};
// clang-format on

constexpr bool terminal(ExecutionStatus status) {
  return status >= completed;
}

constexpr bool one_row_per_pair() {
  for (std::size_t i = 0; i < std::size(kTransitions); ++i)
    for (std::size_t j = i + 1; j < std::size(kTransitions); ++j)
      if (kTransitions[i].from == kTransitions[j].from && kTransitions[i].event == kTransitions[j].event) return false;
  return true;
}

constexpr bool terminal_states_have_no_exit() {
  for (const auto& row : kTransitions)
    if (terminal(row.from)) return false;
  return true;
}

constexpr bool all_reachable() {
  std::array<bool, kExecutionStatusCount> reached{};
  reached[static_cast<std::size_t>(pending)] = true;
  for (std::size_t round = 0; round < kExecutionStatusCount; ++round)
    for (const auto& row : kTransitions)
      if (reached[static_cast<std::size_t>(row.from)]) reached[static_cast<std::size_t>(row.to)] = true;
  return std::all_of(reached.begin(), reached.end(), [](bool r) { return r; });
}

constexpr bool every_live_status_can_be_stopped() {
  for (std::size_t s = 0; s < kExecutionStatusCount; ++s) {
    const auto status = static_cast<ExecutionStatus>(s);
    if (terminal(status) || status == stopping) continue;
    bool can = false;
    for (const auto& row : kTransitions)
      can = can || (row.from == status && row.event == Event::stop && row.to == stopping);
    if (!can) return false;
  }
  return true;
}

static_assert(one_row_per_pair(), "two rows for one (status, event)");
static_assert(terminal_states_have_no_exit(), "a terminal status has a way out");
static_assert(all_reachable(), "a status cannot be reached");
static_assert(every_live_status_can_be_stopped(), "a live status cannot be stopped");

constexpr std::array<std::string_view, kExecutionStatusCount> kStatusNames = {
    "pending",  "scheduling", "initializing", "recovering", "running", "failing",   "paused",
    "stopping", "completed",  "stopped",      "rejected",   "failed",  "terminated"};

constexpr std::array<std::string_view, kExecutionEventCount> kEventNames = {"admitted",
                                                                            "controller_up",
                                                                            "replay_needed",
                                                                            "replay_done",
                                                                            "slicer_ready",
                                                                            "slice_failed",
                                                                            "probation_over",
                                                                            "pause",
                                                                            "resume_to_running",
                                                                            "resume_to_failing",
                                                                            "resume_to_recovering",
                                                                            "stop",
                                                                            "drained",
                                                                            "all_done",
                                                                            "all_done_with_errors",
                                                                            "fatal",
                                                                            "lost",
                                                                            "refused"};

}  // namespace

std::span<const Transition> execution_transitions() {
  return kTransitions;
}

std::optional<Transition> next(ExecutionStatus from, ExecutionEvent event) {
  for (const auto& row : kTransitions)
    if (row.from == from && row.event == event) return row;
  return std::nullopt;
}

std::optional<std::vector<ExecutionEvent>> events_between(ExecutionStatus from, ExecutionStatus to) {
  std::array<std::optional<Transition>, kExecutionStatusCount> came_by{};
  std::deque<ExecutionStatus> frontier{from};
  while (!frontier.empty()) {
    const ExecutionStatus status = frontier.front();
    frontier.pop_front();
    if (status == to) break;
    for (const auto& row : kTransitions) {
      auto& entry = came_by[static_cast<std::size_t>(row.to)];
      if (row.from != status || row.to == from || entry) continue;
      entry = row;
      frontier.push_back(row.to);
    }
  }
  std::vector<ExecutionEvent> events;
  for (ExecutionStatus at = to; at != from;) {
    const auto& row = came_by[static_cast<std::size_t>(at)];
    if (!row) return std::nullopt;
    events.push_back(row->event);
    at = row->from;
  }
  std::reverse(events.begin(), events.end());
  return events;
}

std::string_view to_string(ExecutionStatus status) {
  return kStatusNames[static_cast<std::size_t>(status)];
}
std::string_view to_string(ExecutionEvent event) {
  return kEventNames[static_cast<std::size_t>(event)];
}

std::string_view usual_reason(ExecutionEvent event) {
  using enum ExecutionEvent;
  switch (event) {
    case admitted:
      return "there are slots for it";
    case controller_up:
      return "its controller runs";
    case replay_needed:
      return "slices of earlier executions run again";
    case replay_done:
      return "all of them ran again";
    case slicer_ready:
      return "the source is open";
    case slice_failed:
      return "a slice failed for good";
    case probation_over:
      return "no further slice failed for a while";
    case pause:
      return "it was told to pause";
    case resume_to_running:
    case resume_to_failing:
    case resume_to_recovering:
      return "it was told to go on";
    case stop:
      return "it was told to stop";
    case drained:
      return "nothing of it runs any more";
    case all_done:
      return "all slices are done";
    case all_done_with_errors:
      return "all slices are done, and some failed";
    case fatal:
      return "it cannot go on";
    case lost:
      return "its controller is lost";
    case refused:
      return "it was refused";
  }
  return "";
}

std::optional<ExecutionStatus> parse_execution_status(std::string_view text) {
  for (std::size_t i = 0; i < kStatusNames.size(); ++i)
    if (kStatusNames[i] == text) return static_cast<ExecutionStatus>(i);
  return std::nullopt;
}

bool is_terminal(ExecutionStatus status) {
  return terminal(status);
}
bool is_running_group(ExecutionStatus status) {
  return status >= recovering && status <= stopping;
}

std::string_view to_string(CleanupType type) {
  switch (type) {
    case CleanupType::none:
      return "";
    case CleanupType::errors:
      return "errors";
    case CleanupType::pending:
      return "pending";
    case CleanupType::all:
      return "all";
    case CleanupType::quarantine:
      return "quarantine";
  }
  return "";
}

}  // namespace slicemill
