#include "execution-controller/dispatch/worker_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/execution-controller/dispatch_harness.h"

namespace slicemill::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class WorkerTableTest : public DispatchTest {
 protected:
  // A worker that shows a pulse, as processes of this machine do.
  Worker& join_with_pulse(ServerChannel::Peer peer, const std::string& id) {
    Worker& worker = join(peer, id);
    pulse_ = std::move(*Pulse::create());
    pulse_->beat(loop_.now());
    table_.on_pulse(worker, wire::Pulse{pulse_->path()});
    EXPECT_EQ(channel_.count<wire::PulseTaken>(peer), 1u);
    return worker;
  }

  std::unique_ptr<Pulse> pulse_;
};

TEST_F(WorkerTableTest, AWorkerThatComesBackIsTheSameOnANewConnection) {
  const WorkerNumber first = join(1, "a").number;
  EXPECT_EQ(join(2, "a").number, first);
  EXPECT_THAT(channel_.dropped, ElementsAre(1));
  EXPECT_EQ(table_.by_peer(1), nullptr);
  EXPECT_EQ(table_.by_peer(2)->number, first);
  EXPECT_EQ(table_.counts().joined, 1u);
  EXPECT_EQ(table_.counts().reconnected, 1u);
}

TEST_F(WorkerTableTest, OneThatIsGoneIsTakenOutBeforeItsSlicesAreLookedAt) {
  join(1, "a", 77);
  monitor_.watched.at(77)({.known = true, .code = 1, .signal = 0});
  EXPECT_THAT(exited_, ElementsAre("a"));
  EXPECT_EQ(table_.size(), 0u);
  EXPECT_EQ(table_.counts().disconnected, 1u);
}

TEST_F(WorkerTableTest, SilenceForALeaseIsTheEndOfAWorkerThatHoldsSlices) {
  table_.ordered(join_with_pulse(1, "a"), 1);
  loop_.advance(4'900ms);
  EXPECT_THAT(silent_, IsEmpty());
  loop_.advance(5s);
  EXPECT_THAT(silent_, ElementsAre("a"));
  EXPECT_THAT(monitor_.killed, ElementsAre(100));
}

TEST_F(WorkerTableTest, OneThatRestsHasTwiceTheLease) {
  join_with_pulse(1, "a");
  loop_.advance(9'900ms);
  EXPECT_THAT(silent_, IsEmpty());
  loop_.advance(5s);
  EXPECT_THAT(silent_, ElementsAre("a"));
}

TEST_F(WorkerTableTest, TheLeaseOfOneThatRestedBeginsWithItsSlices) {
  Worker& worker = join_with_pulse(1, "a");
  loop_.advance(9s);
  table_.ordered(worker, 1);
  loop_.advance(4'900ms);
  EXPECT_THAT(silent_, IsEmpty()) << "it may have said nothing for 14 s";
  loop_.advance(6s);
  EXPECT_THAT(silent_, ElementsAre("a"));
}

TEST_F(WorkerTableTest, SignsOfLifeInThePulseCount) {
  join_with_pulse(1, "a");
  for (int i = 0; i < 10; ++i) {
    pulse_->beat(loop_.now());
    loop_.advance(4s);
  }
  EXPECT_THAT(silent_, IsEmpty());
}

}  // namespace
}  // namespace slicemill::controller
