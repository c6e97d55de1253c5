// THE LIFE OF AN EXECUTION IN ITS CONTROLLER: phases, events, and the one table of what an event means in which phase.
// Verbs, endings, obstacles and recovery ask this table. Pure.
//
// A phase says what the controller does now, and with it what a user wants: the three phases in which it works exist
// twice, as they are and paused. What a user wants is also in the ledger (WantedState), so that the next controller of
// the execution begins in the phase that follows from it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/ledger/slice_ledger.h"
#include "core/model/execution.h"

namespace slicemill::controller {

enum class Phase : std::uint8_t {
  preparing,          // output and source are made ready; nothing is dispatched
  preparing_paused,   // the same, and a user wants it paused
  replaying,          // stored slices of earlier executions run again
  replaying_paused,   // the same, and a user wants it paused: what runs may finish
  working,            // slices are cut, dispatched and recorded
  paused,             // the same, and a user wants it paused: what runs may finish
  suspending,         // drains; this process then ends without an outcome
  stopping,           // drains; a user wants it to end
  giving_up,          // drains; it cannot go on
  giving_up_stopped,  // drains; it cannot go on, and was to end anyway
  concluding,         // the outcome is on its way into the ledger
  finished,           // the outcome is durable; or nothing can be recorded any more; or it is suspended
};
inline constexpr std::size_t kPhaseCount = 12;

enum class LifecycleEvent : std::uint8_t {
  ready,            // output and source are ready
  ready_to_replay,  // the output is ready, and there is something of earlier executions to run again
  replayed,         // all of that ran, and the slicers go on
  pause,            // verbs of a user
  resume,
  stop,
  suspend,               // this process is to end, the execution is not
  fatal,                 // it cannot go on
  drained,               // nothing of it runs any more
  all_done,              // every slice is done, and the output is whole
  all_done_with_errors,  // the same with failed slices, or without the output
  outcome_synced,
  ledger_lost,  // nothing can be recorded any more
  found_ended,  // the ledger that was opened has an outcome
};
inline constexpr std::size_t kLifecycleEventCount = 14;

struct LifecycleRow {
  Phase from;
  std::array<std::optional<Phase>, kLifecycleEventCount> to;  // by event; nothing: the event means nothing there
};

// clang-format off
inline constexpr auto kLifecycle = [] {
  using enum Phase;
  const std::optional<Phase> none = std::nullopt;
  const auto prep = preparing, prep_p = preparing_paused, repl = replaying, repl_p = replaying_paused, work = working,
             work_p = paused, susp = suspending, stop = stopping, give = giving_up, give_s = giving_up_stopped,
             conc = concluding, fini = finished;
  return std::array<LifecycleRow, kPhaseCount>{{
  //                            to              pause                                   all     all     out-    ledger  found
  //                     ready  replay  re-             resume  stop    sus-    fatal   drained done    done,   come    lost    ended
  //                                    played                          pend                            errors  synced
    {preparing,         {work,  repl,   none,   prep_p, prep,   stop,   susp,   give,   none,   none,   none,   none,   fini,   fini}},
    {preparing_paused,  {work_p,repl_p, none,   prep_p, prep,   stop,   susp,   give,   none,   none,   none,   none,   fini,   fini}},
    {replaying,         {none,  none,   work,   repl_p, repl,   stop,   susp,   give,   none,   conc,   conc,   none,   fini,   none}},
    {replaying_paused,  {none,  none,   work_p, repl_p, repl,   stop,   susp,   give,   none,   conc,   conc,   none,   fini,   none}},
    {working,           {none,  none,   none,   work_p, work,   stop,   susp,   give,   none,   conc,   conc,   none,   fini,   none}},
    {paused,            {none,  none,   none,   work_p, work,   stop,   susp,   give,   none,   conc,   conc,   none,   fini,   none}},
    {suspending,        {none,  none,   none,   none,   none,   stop,   none,   give_s, fini,   conc,   conc,   none,   fini,   none}},
    {stopping,          {none,  none,   none,   none,   none,   stop,   stop,   give_s, conc,   conc,   conc,   none,   fini,   fini}},
    {giving_up,         {none,  none,   none,   none,   none,   give_s, give,   none,   conc,   conc,   conc,   none,   fini,   none}},
    {giving_up_stopped, {none,  none,   none,   none,   none,   give_s, give_s, none,   conc,   conc,   conc,   none,   fini,   none}},
    {concluding,        {none,  none,   none,   none,   none,   conc,   none,   none,   none,   none,   none,   fini,   fini,   none}},
    {finished,          {none,  none,   none,   none,   none,   fini,   none,   none,   none,   none,   none,   none,   none,   none}},
  }};
}();

struct PhaseFacts {
  Phase phase;
  std::string_view name;
  ExecutionStatus status;  // that is shown; of the last two: the one before, and the outcome
  bool dispatches;         // slices go out
  bool drains;             // nothing new begins, workers are told to go; what runs may finish until the deadline
};

inline constexpr auto kPhases = [] {
  using enum Phase;
  using Status = ExecutionStatus;
  return std::array<PhaseFacts, kPhaseCount>{{
    // phase            name                 status                 dispatches  drains
    {preparing,         "preparing",         Status::initializing,  false,      false},
    {preparing_paused,  "preparing_paused",  Status::paused,        false,      false},
    {replaying,         "replaying",         Status::recovering,    true,       false},
    {replaying_paused,  "replaying_paused",  Status::paused,        false,      false},
    {working,           "working",           Status::running,       true,       false},
    {paused,            "paused",            Status::paused,        false,      false},
    {suspending,        "suspending",        Status::stopping,      false,      true},
    {stopping,          "stopping",          Status::stopping,      false,      true},
    {giving_up,         "giving_up",         Status::failing,       false,      true},
    {giving_up_stopped, "giving_up_stopped", Status::stopping,      false,      true},
    {concluding,        "concluding",        Status::stopping,      false,      false},
    {finished,          "finished",          Status::stopped,       false,      false},
  }};
}();
// clang-format on

std::string_view to_string(LifecycleEvent event);
constexpr const PhaseFacts& facts(Phase phase) {
  return kPhases[static_cast<std::size_t>(phase)];
}
// Where the event leads; nothing: it means nothing in this phase, and a user who asked for it is refused.
constexpr std::optional<Phase> next(Phase from, LifecycleEvent event) {
  return kLifecycle[static_cast<std::size_t>(from)].to[static_cast<std::size_t>(event)];
}
// The phase in which a controller begins, as the ledger says what a user wants.
Phase first_phase(WantedState wanted);
// How the execution ends if the event leads from this phase to `concluding`; nothing: it does not.
std::optional<ExecutionStatus> outcome_of(Phase from, LifecycleEvent event);
// Before the end: an obstacle can be met, and waited for.
constexpr bool heeds_obstacles(Phase phase) {
  return phase < Phase::concluding;
}

// One execution's place in the table. Loop thread.
class ExecutionLifecycle {
 public:
  struct Conditions {
    bool obstructed = false;  // an obstacle is up
    bool failing = false;     // a slice failed, and nothing has made good for it
  };

  explicit ExecutionLifecycle(WantedState wanted) : phase_(first_phase(wanted)) {}

  // True: the event was taken. False: it means nothing now, and nothing has changed.
  bool take(LifecycleEvent event);
  bool may(LifecycleEvent event) const { return next(phase_, event).has_value(); }

  Phase phase() const { return phase_; }
  bool prepares() const { return phase_ == Phase::preparing || phase_ == Phase::preparing_paused; }
  bool replays() const { return phase_ == Phase::replaying || phase_ == Phase::replaying_paused; }
  // Slices come back and are recorded, paused or not.
  bool works() const { return replays() || phase_ == Phase::working || phase_ == Phase::paused; }
  bool dispatches() const { return facts(phase_).dispatches; }
  bool drains() const { return facts(phase_).drains; }
  bool gives_up() const { return phase_ == Phase::giving_up || phase_ == Phase::giving_up_stopped; }
  bool finished() const { return phase_ == Phase::finished; }
  bool obstacles_count() const { return heeds_obstacles(phase_); }

  // What is shown until it is finished; from then on the outcome is.
  ExecutionStatus status(Conditions conditions) const;

 private:
  Phase phase_;
  Phase concluded_from_ = Phase::working;
};

}  // namespace slicemill::controller
