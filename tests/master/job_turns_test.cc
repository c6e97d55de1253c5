#include "master/job_turns.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/fakes/manual_loop.h"

namespace slicemill::master {
namespace {

using ::testing::ElementsAre;

class JobTurnsTest : public ::testing::Test {
 protected:
  void enter(const std::string& job, const std::string& name) {
    turns_->enter(JobId(job), [this, name](JobTurns::Turn turn) {
      begun_.push_back(name);
      held_.push_back(std::move(turn));
    });
  }
  void end_first() {
    held_.erase(held_.begin());
    loop_.run_ready();
  }

  ManualLoop loop_;
  std::unique_ptr<JobTurns> turns_ = std::make_unique<JobTurns>(loop_);
  std::vector<std::string> begun_;
  std::vector<JobTurns::Turn> held_;
};

TEST_F(JobTurnsTest, OneAtATimeInOrder) {
  enter("a", "first");
  enter("a", "second");
  enter("b", "other job");
  enter("a", "third");
  loop_.run_ready();
  EXPECT_THAT(begun_, ElementsAre("first", "other job"));
  end_first();
  EXPECT_THAT(begun_, ElementsAre("first", "other job", "second"));
  held_.clear();
  loop_.run_ready();
  EXPECT_THAT(begun_, ElementsAre("first", "other job", "second", "third"));
  held_.clear();
  enter("a", "fourth");
  EXPECT_EQ(begun_.back(), "fourth") << "at once: no turn is under way";
}

TEST_F(JobTurnsTest, ATurnLastsAsLongAsACopyOfIt) {
  enter("a", "first");
  enter("a", "second");
  const JobTurns::Turn copy = held_.front();
  end_first();
  EXPECT_THAT(begun_, ElementsAre("first"));
}

TEST_F(JobTurnsTest, WhoComesBeforeTheNextHasBegunStillComesAfterIt) {
  enter("a", "first");
  enter("a", "second");
  held_.clear();
  enter("a", "third");
  EXPECT_THAT(begun_, ElementsAre("first"));
  loop_.run_ready();
  EXPECT_THAT(begun_, ElementsAre("first", "second"));
}

TEST_F(JobTurnsTest, ATurnMayOutliveItsOwner) {
  enter("a", "first");
  enter("a", "second");
  turns_.reset();
  held_.clear();
  loop_.run_ready();
  EXPECT_THAT(begun_, ElementsAre("first"));
}

}  // namespace
}  // namespace slicemill::master
