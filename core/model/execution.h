// The life of an execution: statuses, events, and THE transition table. Every status change in the project is a row of
// it.
//
// Each status names who ends it, and what happens if that one dies (I4).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace slicemill {

// Most workers of one execution: as many as a machine may have slots.
inline constexpr std::int64_t kMostWorkers = 4096;

enum class ExecutionStatus : std::uint8_t {
  pending,       // ended by the master's start planner; a restarted master finds it in the registry and plans it again
  scheduling,    // ended by the controller's HELLO; if it dies before, the supervisor starts it again
  initializing,  // ended by the controller's first report of its slicer
  recovering,    // ended by the controller when the replay is through
  running,       // ended by the controller; a dead controller is restarted for the same execution
  failing,       // like running, with failed slices
  paused,        // ended by resume or stop; the wanted state is in the ledger, so it outlives every process
  stopping,      // ended by the controller when nothing is in flight, at the latest at the deadline
  completed,     // terminal from here on
  stopped,
  rejected,
  failed,
  terminated,
};
inline constexpr std::size_t kExecutionStatusCount = 13;

enum class ExecutionEvent : std::uint8_t {
  admitted,        // the planner gives it a controller
  controller_up,   // the controller said HELLO
  replay_needed,   // a recovery has slices to run again
  replay_done,     // all replayed, going on with new slices
  slicer_ready,    // dispatch begins
  slice_failed,    // first slice error of the probation window
  probation_over,  // no new failures and progress
  pause,
  resume_to_running,
  resume_to_failing,
  resume_to_recovering,
  stop,
  drained,   // nothing in flight after stop
  all_done,  // every slice completed
  all_done_with_errors,
  fatal,    // slicer error, no workers, start budget used up
  lost,     // given up: its controller cannot be started again
  refused,  // never started: invalid at start time
};
inline constexpr std::size_t kExecutionEventCount = 18;

// What the master does when the row is taken, after the new status is durable.
enum class ExecutionEffect : std::uint8_t { none, start_controller, release };

struct Transition {
  ExecutionStatus from;
  ExecutionEvent event;
  ExecutionStatus to;
  ExecutionEffect effect;
};

std::span<const Transition> execution_transitions();

// The row for (from, event); nothing if the event means nothing in that status.
std::optional<Transition> next(ExecutionStatus from, ExecutionEvent event);

// The shortest list of events that leads from one status to another: how the master follows a controller that reports
// its status (reports are levels, so a lost one does no harm). Empty if equal; nothing if there is no way.
std::optional<std::vector<ExecutionEvent>> events_between(ExecutionStatus from, ExecutionStatus to);

std::string_view to_string(ExecutionStatus status);
std::string_view to_string(ExecutionEvent event);
// Why the event happens where nobody says more, for the history.
std::string_view usual_reason(ExecutionEvent event);
std::optional<ExecutionStatus> parse_execution_status(std::string_view text);

bool is_terminal(ExecutionStatus status);
// recovering, running, failing, paused, stopping.
bool is_running_group(ExecutionStatus status);

// Which slices a recovery runs again.
enum class CleanupType : std::uint8_t {
  none,
  errors,
  pending,
  all,
  quarantine,
};  // none: all that is not completed, then new slices; quarantine: the quarantined records only (a redrive)
std::string_view to_string(CleanupType type);

}  // namespace slicemill
