#include "core/model/execution.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace slicemill {
namespace {

using enum ExecutionStatus;
using Event = ExecutionEvent;

// docs/states.md holds this table: one line per row of the transition table.
std::string rendered_table() {
  std::ostringstream out;
  out << "| from | event | to |\n| --- | --- | --- |\n";
  for (const auto& row : execution_transitions())
    out << "| " << to_string(row.from) << " | " << to_string(row.event) << " | " << to_string(row.to) << " |\n";
  return out.str();
}

TEST(ExecutionTable, TheDocsShowExactlyThisTable) {
  std::ifstream file(SLICEMILL_SOURCE_DIR "/docs/states.md");
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_THAT(text.str(), testing::HasSubstr(rendered_table())) << "put this into docs/states.md:\n"
                                                                << rendered_table();
}

TEST(ExecutionTable, NextIsTheRowOrNothing) {
  EXPECT_EQ(next(running, Event::pause)->to, paused);
  EXPECT_EQ(next(stopping, Event::all_done)->to, completed) << "a drain that finished everything";
  EXPECT_FALSE(next(stopping, Event::pause));
  EXPECT_FALSE(next(completed, Event::stop));
  EXPECT_FALSE(next(pending, Event::pause));
}

TEST(ExecutionTable, AReportedLevelIsReachedByTheShortestWay) {
  EXPECT_THAT(*events_between(scheduling, running), testing::ElementsAre(Event::controller_up, Event::slicer_ready));
  EXPECT_THAT(*events_between(running, running), testing::IsEmpty());
  EXPECT_THAT(*events_between(paused, failing), testing::ElementsAre(Event::resume_to_failing));
  EXPECT_THAT(*events_between(running, stopped), testing::ElementsAre(Event::stop, Event::drained));
  EXPECT_FALSE(events_between(completed, running));
  EXPECT_FALSE(events_between(stopping, running)) << "nothing takes a stop back";
}

TEST(ExecutionTable, EveryLiveStatusLeadsToATerminalOne) {
  for (std::size_t s = 0; s < kExecutionStatusCount; ++s) {
    const auto status = static_cast<ExecutionStatus>(s);
    if (is_terminal(status)) continue;
    EXPECT_TRUE(events_between(status, stopped) || events_between(status, completed)) << to_string(status);
  }
}

TEST(ExecutionStatusNames, AreParsedBack) {
  for (std::size_t s = 0; s < kExecutionStatusCount; ++s) {
    const auto status = static_cast<ExecutionStatus>(s);
    EXPECT_EQ(parse_execution_status(to_string(status)), status);
  }
  EXPECT_FALSE(parse_execution_status("RUNNING"));
}

}  // namespace
}  // namespace slicemill
