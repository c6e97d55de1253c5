// Every phase with every event, and what a controller asks the table for.
#include "execution-controller/execution_lifecycle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

namespace slicemill::controller {
namespace {

using Event = LifecycleEvent;

std::vector<Phase> all_phases() {
  std::vector<Phase> phases;
  for (const auto& row : kLifecycle) phases.push_back(row.from);
  return phases;
}
std::vector<Event> all_events() {
  std::vector<Event> events;
  for (std::size_t i = 0; i < kLifecycleEventCount; ++i) events.push_back(static_cast<Event>(i));
  return events;
}
std::string pair_name(Phase from, Event event) {
  return std::string(facts(from).name) + ", " + std::string(to_string(event));
}

// A phase as three answers: where the work stands, whether a user paused it, and why it drains. The table is written
// down a second time here, as rules about those.
enum class Stage { preparing, replaying, working, draining, concluding, finished };
struct Described {
  Stage stage;
  bool paused = false;
  bool suspends = false, gives_up = false, stopped = false;
  auto operator<=>(const Described&) const = default;
};
const std::map<Phase, Described>& descriptions() {
  static const std::map<Phase, Described> kDescribed = {
      {Phase::preparing, {Stage::preparing}},
      {Phase::preparing_paused, {Stage::preparing, true}},
      {Phase::replaying, {Stage::replaying}},
      {Phase::replaying_paused, {Stage::replaying, true}},
      {Phase::working, {Stage::working}},
      {Phase::paused, {Stage::working, true}},
      {Phase::suspending, {.stage = Stage::draining, .suspends = true}},
      {Phase::stopping, {.stage = Stage::draining, .stopped = true}},
      {Phase::giving_up, {.stage = Stage::draining, .gives_up = true}},
      {Phase::giving_up_stopped, {.stage = Stage::draining, .gives_up = true, .stopped = true}},
      {Phase::concluding, {Stage::concluding}},
      {Phase::finished, {Stage::finished}},
  };
  return kDescribed;
}
Phase phase_of(const Described& wanted) {
  for (const auto& [phase, described] : descriptions())
    if (described == wanted) return phase;
  ADD_FAILURE() << "no phase is described so";
  return Phase::finished;
}

std::optional<Phase> by_rule(Phase from, Event event) {
  Described at = descriptions().at(from);
  const bool begins = at.stage == Stage::preparing;
  const bool runs = begins || at.stage == Stage::replaying || at.stage == Stage::working;
  const bool lives = runs || at.stage == Stage::draining;
  switch (event) {
    case Event::ready:
    case Event::ready_to_replay:
      if (!begins) return std::nullopt;
      at.stage = event == Event::ready ? Stage::working : Stage::replaying;
      return phase_of(at);
    case Event::replayed:
      if (at.stage != Stage::replaying) return std::nullopt;
      at.stage = Stage::working;
      return phase_of(at);
    case Event::pause:
    case Event::resume:
      if (!runs) return std::nullopt;
      at.paused = event == Event::pause;
      return phase_of(at);
    case Event::stop:  // of one that ends already: no refusal, and no change
      if (!lives) return from;
      return phase_of({.stage = Stage::draining, .gives_up = at.gives_up, .stopped = true});
    case Event::suspend:  // weaker than the other reasons to drain
      if (!lives || at.suspends) return std::nullopt;
      if (at.stage == Stage::draining) return from;
      return phase_of({.stage = Stage::draining, .suspends = true});
    case Event::fatal:  // the first reason counts
      if (!lives || at.gives_up) return std::nullopt;
      return phase_of({.stage = Stage::draining, .gives_up = true, .stopped = at.stopped || at.suspends});
    case Event::drained:
      if (at.stage != Stage::draining) return std::nullopt;
      return at.suspends ? Phase::finished : Phase::concluding;
    case Event::all_done:
    case Event::all_done_with_errors:
      if (!lives || begins) return std::nullopt;
      return Phase::concluding;
    case Event::outcome_synced:
      if (at.stage != Stage::concluding) return std::nullopt;
      return Phase::finished;
    case Event::ledger_lost:
      if (at.stage == Stage::finished) return std::nullopt;
      return Phase::finished;
    case Event::found_ended:  // asked once, before anything else happens
      if (!begins && from != Phase::stopping) return std::nullopt;
      return Phase::finished;
  }
  return std::nullopt;
}

TEST(ExecutionLifecycleTable, EveryPhaseWithEveryEventIsAsTheRulesSay) {
  int impossible = 0;
  for (const Phase from : all_phases()) {
    for (const Event event : all_events()) {
      EXPECT_EQ(next(from, event), by_rule(from, event)) << pair_name(from, event);
      impossible += next(from, event) ? 0 : 1;
    }
  }
  EXPECT_EQ(impossible, 86) << "of 168";
}

TEST(ExecutionLifecycleTable, WhatMeansNothingChangesNothing) {
  for (const Phase from : all_phases()) {
    for (const Event event : all_events()) {
      ExecutionLifecycle lifecycle(WantedState::running);
      // By the shortest way there: every phase is reached from `preparing`.
      std::map<Phase, std::vector<Event>> ways = {{Phase::preparing, {}}};
      while (!ways.contains(from)) {
        auto further = ways;
        for (const auto& [phase, way] : ways)
          for (const Event step : all_events())
            if (const auto to = next(phase, step); to && !further.contains(*to)) {
              further[*to] = way;
              further[*to].push_back(step);
            }
        ASSERT_GT(further.size(), ways.size()) << facts(from).name << " cannot be reached";
        ways = further;
      }
      for (const Event step : ways.at(from)) ASSERT_TRUE(lifecycle.take(step));
      ASSERT_EQ(lifecycle.phase(), from);
      const ExecutionStatus before = lifecycle.status({});
      EXPECT_EQ(lifecycle.may(event), next(from, event).has_value()) << pair_name(from, event);
      EXPECT_EQ(lifecycle.take(event), next(from, event).has_value()) << pair_name(from, event);
      if (next(from, event)) continue;
      EXPECT_EQ(lifecycle.phase(), from) << pair_name(from, event);
      EXPECT_EQ(lifecycle.status({}), before) << pair_name(from, event);
    }
  }
}

TEST(ExecutionLifecycleTable, AControllerBeginsWithWhatAUserWantedOfTheOneBefore) {
  EXPECT_EQ(first_phase(WantedState::running), Phase::preparing);
  EXPECT_EQ(first_phase(WantedState::paused), Phase::preparing_paused);
  EXPECT_EQ(first_phase(WantedState::stopping), Phase::stopping);
}

TEST(ExecutionLifecycleTable, OnlyWhatLeadsToConcludingHasAnOutcome) {
  for (const Phase from : all_phases())
    for (const Event event : all_events())
      EXPECT_EQ(outcome_of(from, event).has_value(),
                next(from, event) == Phase::concluding && from != Phase::concluding)
          << pair_name(from, event);
  EXPECT_EQ(outcome_of(Phase::working, Event::all_done), ExecutionStatus::completed);
  EXPECT_EQ(outcome_of(Phase::stopping, Event::all_done), ExecutionStatus::completed) << "a drain that finished all";
  EXPECT_EQ(outcome_of(Phase::paused, Event::all_done_with_errors), ExecutionStatus::failed);
  EXPECT_EQ(outcome_of(Phase::stopping, Event::drained), ExecutionStatus::stopped);
  EXPECT_EQ(outcome_of(Phase::giving_up, Event::drained), ExecutionStatus::failed);
  EXPECT_EQ(outcome_of(Phase::giving_up_stopped, Event::drained), ExecutionStatus::failed);
}

TEST(ExecutionLifecycleTable, NothingIsDispatchedWhilePausedDrainingOrEnding) {
  for (const Phase phase : all_phases()) {
    const Described& described = descriptions().at(phase);
    const bool works = described.stage == Stage::replaying || described.stage == Stage::working;
    EXPECT_EQ(facts(phase).dispatches, works && !described.paused) << facts(phase).name;
    EXPECT_EQ(facts(phase).drains, described.stage == Stage::draining) << facts(phase).name;
    EXPECT_EQ(heeds_obstacles(phase), described.stage < Stage::concluding) << facts(phase).name;
  }
}

// The master follows a controller by its own table (core/model/execution): every step must have a way there.
TEST(ExecutionLifecycleTable, TheMasterHasAWayForEveryChangeOfStatus) {
  for (const Phase from : all_phases()) {
    for (const Event event : all_events()) {
      const auto to = next(from, event);
      if (!to || *to >= Phase::concluding || from >= Phase::concluding) continue;
      // A resume that comes before the source is open: the master waits, in `paused`, for what comes next.
      if (from == Phase::preparing_paused && *to == Phase::preparing) continue;
      EXPECT_TRUE(slicemill::events_between(facts(from).status, facts(*to).status)) << pair_name(from, event);
    }
    for (const Event event : all_events()) {
      const auto outcome = outcome_of(from, event);
      if (!outcome || *outcome == ExecutionStatus::completed) continue;
      EXPECT_TRUE(slicemill::events_between(facts(from).status, *outcome)) << pair_name(from, event);
    }
  }
}

TEST(ExecutionLifecycleStatus, AnObstacleShowsAsPausedUntilItDrains) {
  for (const Phase phase : all_phases()) {
    if (phase >= Phase::concluding) continue;
    ExecutionLifecycle lifecycle(WantedState::running);
    std::set<Phase> seen;
    // All phases before the end are one or two events away from `preparing`.
    for (const Event first : all_events()) {
      for (const Event second : all_events()) {
        ExecutionLifecycle tried(WantedState::running);
        if (tried.phase() != phase) tried.take(first);
        if (tried.phase() != phase) tried.take(second);
        if (tried.phase() == phase) lifecycle = tried;
      }
    }
    ASSERT_EQ(lifecycle.phase(), phase);
    const ExecutionStatus shown = facts(phase).status;
    EXPECT_EQ(lifecycle.status({}), shown);
    EXPECT_EQ(lifecycle.status({.obstructed = true}), facts(phase).drains ? shown : ExecutionStatus::paused);
    EXPECT_EQ(lifecycle.status({.failing = true}), facts(phase).dispatches ? ExecutionStatus::failing : shown);
  }
}

TEST(ExecutionLifecycleStatus, WhatConcludesIsShownAsItWas) {
  ExecutionLifecycle lifecycle(WantedState::stopping);
  ASSERT_TRUE(lifecycle.take(Event::drained));
  EXPECT_EQ(lifecycle.phase(), Phase::concluding);
  EXPECT_EQ(lifecycle.status({}), ExecutionStatus::stopping);
  ASSERT_TRUE(lifecycle.take(Event::stop));
  EXPECT_EQ(lifecycle.status({}), ExecutionStatus::stopping);

  ExecutionLifecycle other(WantedState::running);
  ASSERT_TRUE(other.take(Event::ready));
  ASSERT_TRUE(other.take(Event::all_done_with_errors));
  EXPECT_EQ(other.status({.failing = true}), ExecutionStatus::failing);
}

// What the README says of all phases is not repeated in its rows.
bool is_said_once(Phase from, LifecycleEvent event) {
  if (event == Event::ledger_lost || event == Event::found_ended || event == Event::all_done_with_errors) return true;
  return !facts(from).drains && (event == Event::stop || event == Event::suspend || event == Event::fatal);
}

// execution-controller/README.md has a row for each phase.
std::string rendered() {
  std::ostringstream out;
  out << "| phase | shown as | event: next phase |\n| --- | --- | --- |\n";
  for (const auto& row : kLifecycle) {
    out << "| " << facts(row.from).name << " | ";
    if (row.from == Phase::concluding)
      out << "as before";
    else if (row.from == Phase::finished)
      out << "the outcome";
    else
      out << to_string(facts(row.from).status);
    std::string events;
    for (const Event event : all_events())
      if (const auto to = next(row.from, event); to && *to != row.from && !is_said_once(row.from, event))
        events += (events.empty() ? "" : ", ") + std::string(to_string(event)) + ": " + std::string(facts(*to).name);
    out << " | " << (events.empty() ? "-" : events) << " |\n";
  }
  return out.str();
}

TEST(ExecutionLifecycleTable, TheReadmeShowsExactlyThisTable) {
  std::ifstream file(SLICEMILL_SOURCE_DIR "/execution-controller/README.md");
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_THAT(text.str(), testing::HasSubstr(rendered())) << "put this into execution-controller/README.md:\n"
                                                          << rendered();
}

}  // namespace
}  // namespace slicemill::controller
