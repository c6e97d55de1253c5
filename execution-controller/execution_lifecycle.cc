#include "execution-controller/execution_lifecycle.h"

#include <algorithm>

namespace slicemill::controller {
namespace {

constexpr std::array<std::string_view, kLifecycleEventCount> kLifecycleEventNames = {"ready",
                                                                                     "ready_to_replay",
                                                                                     "replayed",
                                                                                     "pause",
                                                                                     "resume",
                                                                                     "stop",
                                                                                     "suspend",
                                                                                     "fatal",
                                                                                     "drained",
                                                                                     "all_done",
                                                                                     "all_done_with_errors",
                                                                                     "outcome_synced",
                                                                                     "ledger_lost",
                                                                                     "found_ended"};

constexpr std::array<Phase, 3> kFirstPhases = {Phase::preparing, Phase::preparing_paused, Phase::stopping};

constexpr bool rows_are_in_order() {
  for (std::size_t i = 0; i < kPhaseCount; ++i)
    if (static_cast<std::size_t>(kLifecycle[i].from) != i || static_cast<std::size_t>(kPhases[i].phase) != i)
      return false;
  return true;
}

// Phases that can be reached from this one, by any events.
constexpr std::array<bool, kPhaseCount> reachable_from(Phase from) {
  std::array<bool, kPhaseCount> reached{};
  reached[static_cast<std::size_t>(from)] = true;
  for (std::size_t round = 0; round < kPhaseCount; ++round)
    for (const auto& row : kLifecycle)
      for (const auto& to : row.to)
        if (to && reached[static_cast<std::size_t>(row.from)]) reached[static_cast<std::size_t>(*to)] = true;
  return reached;
}

constexpr bool every_phase_is_reached() {
  std::array<bool, kPhaseCount> reached{};
  for (const Phase first : kFirstPhases) {
    const auto more = reachable_from(first);
    for (std::size_t i = 0; i < kPhaseCount; ++i) reached[i] = reached[i] || more[i];
  }
  return std::all_of(reached.begin(), reached.end(), [](bool r) { return r; });
}

constexpr bool every_phase_leads_to_the_end() {
  return std::all_of(kPhases.begin(), kPhases.end(), [](const PhaseFacts& phase) {
    return reachable_from(phase.phase)[static_cast<std::size_t>(Phase::finished)];
  });
}

constexpr bool the_end_is_not_left() {
  return std::all_of(kLifecycle.back().to.begin(), kLifecycle.back().to.end(),
                     [](const auto& to) { return !to || *to == Phase::finished; });
}

// A drain goes on until it is through, whatever is asked for besides.
constexpr bool no_drain_is_taken_back() {
  for (const auto& row : kLifecycle)
    for (const auto& to : row.to)
      if (facts(row.from).drains && to && !facts(*to).drains && *to < Phase::concluding) return false;
  return true;
}

constexpr bool a_stop_is_never_refused() {
  return std::all_of(kPhases.begin(), kPhases.end(), [](const PhaseFacts& phase) {
    const auto to = next(phase.phase, LifecycleEvent::stop);
    return to && (facts(*to).drains || *to >= Phase::concluding);
  });
}

static_assert(rows_are_in_order(), "a row is not at its phase's place");
static_assert(every_phase_is_reached(), "a phase cannot be reached");
static_assert(every_phase_leads_to_the_end(), "a phase has no way to the end");
static_assert(the_end_is_not_left(), "a finished execution goes on");
static_assert(no_drain_is_taken_back(), "a drain can be taken back");
static_assert(a_stop_is_never_refused(), "a stop can be refused");

}  // namespace

std::string_view to_string(LifecycleEvent event) {
  return kLifecycleEventNames[static_cast<std::size_t>(event)];
}

Phase first_phase(WantedState wanted) {
  return kFirstPhases[static_cast<std::size_t>(wanted)];
}

std::optional<ExecutionStatus> outcome_of(Phase from, LifecycleEvent event) {
  if (from == Phase::concluding || next(from, event) != Phase::concluding) return std::nullopt;
  if (event == LifecycleEvent::all_done) return ExecutionStatus::completed;
  if (event == LifecycleEvent::drained && from == Phase::stopping) return ExecutionStatus::stopped;
  return ExecutionStatus::failed;
}

bool ExecutionLifecycle::take(LifecycleEvent event) {
  const auto to = next(phase_, event);
  if (!to) return false;
  if (*to == Phase::concluding && phase_ != Phase::concluding) concluded_from_ = phase_;
  phase_ = *to;
  return true;
}

ExecutionStatus ExecutionLifecycle::status(Conditions conditions) const {
  const PhaseFacts& shown = facts(phase_ == Phase::concluding ? concluded_from_ : phase_);
  if (shown.drains) return shown.status;
  if (conditions.obstructed) return ExecutionStatus::paused;
  return shown.dispatches && conditions.failing ? ExecutionStatus::failing : shown.status;
}

}  // namespace slicemill::controller
