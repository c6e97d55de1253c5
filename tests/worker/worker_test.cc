// The worker against a played controller: what it promises about results, recalls, leaving and a controller that dies.
#include "worker/worker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "core/wire/memory_channel.h"
#include "tests/fakes/manual_loop.h"

namespace slicemill::worker {
namespace {

using namespace std::chrono_literals;

// Lets slices through one by one.
struct Gate {
  std::mutex mutex;
  std::condition_variable changed;
  int open = 0;
  int begun = 0;

  void let(int count) {
    const std::lock_guard lock(mutex);
    open += count;
    changed.notify_all();
  }
  void pass(const std::atomic<bool>* cancelled) {
    std::unique_lock lock(mutex);
    ++begun;
    while (open == 0 && !cancelled->load()) changed.wait_for(lock, 1ms);
    if (open > 0) --open;
  }
  int begun_count() {
    const std::lock_guard lock(mutex);
    return begun;
  }
};

// disk: what syncs wait for; nullptr: there is nothing to sync.
class GatedRunner final : public SliceRunner {
 public:
  GatedRunner(Gate& gate, Gate* disk) : gate_(gate), disk_(disk) {}
  WorkedSlice work(const wire::SliceOrder& order, const std::atomic<bool>* cancelled) override {
    gate_.pass(cancelled);
    WorkedSlice worked{.result = {.key = order.key,
                                  .attempt = order.attempt,
                                  .outcome = cancelled->load() ? wire::Outcome::failed : wire::Outcome::completed}};
    if (disk_ != nullptr) {
      worked.sync = [disk = disk_, number = order.key.order]() -> Result<void> {
        static const std::atomic<bool> kNever{false};
        disk->pass(&kNever);
        if (number == 3) return Error(ErrorCode::no_space, "the disk is full");
        return {};
      };
    }
    return worked;
  }
  Delivery delivery() const override { return Delivery::none; }

 private:
  Gate& gate_;
  Gate* disk_;
};

class FakeMonitor final : public ProcessMonitor {
 public:
  std::unique_ptr<ProcessWatch> watch(const ProcessIdentity&, std::function<void(ProcessExit)> on_exit) override {
    died = std::move(on_exit);
    return std::make_unique<ProcessWatch>();
  }
  void kill(const ProcessIdentity&) override {}
  bool alive(const ProcessIdentity&) override { return true; }
  std::function<void(ProcessExit)> died;
};

wire::SliceOrder slice(std::uint64_t order) {
  return {{0, 0, order, SliceKey::kWholeSlice}, {1, 1}, 0, "{}"};
}
wire::HeldSlice held(std::uint64_t order) {
  return {slice(order).key, slice(order).attempt};
}

class WorkerTest : public testing::Test {
 protected:
  void SetUp() override {
    server_ = hub_.server();
    server_->on_frame([this](ServerChannel::Peer peer, std::string_view frame) { hear(peer, *wire::decode(frame)); });
    worker_ = std::make_unique<Worker>(
        loop_, hub_.client(), &monitor_, WorkerSettings{.worker_id = "w"},
        [this](const wire::Welcome&) -> Result<std::unique_ptr<SliceRunner>> {
          if (broken_) return Error(ErrorCode::invalid, "operations[1] x: broken");
          return std::unique_ptr<SliceRunner>(std::make_unique<GatedRunner>(gate_, has_disk_ ? &disk_ : nullptr));
        },
        [this](const std::string& reason) { ended_ = reason; });
    worker_->start();
    ASSERT_TRUE(until([this] { return hellos_.size() == 1; }));
  }
  void TearDown() override {
    gate_.let(1000);
    disk_.let(1000);
    worker_.reset();
  }
  void hear(ServerChannel::Peer peer, wire::Message message) {
    peer_ = peer;
    if (auto* hello = std::get_if<wire::Hello>(&message)) hellos_.push_back(*hello);
    if (auto* results = std::get_if<wire::Results>(&message))
      for (std::size_t i = 0; i < results->results.size(); ++i) results_[results->first_seq + i] = results->results[i];
    if (auto* recalled = std::get_if<wire::Recalled>(&message)) recalled_ = recalled->slices;
    if (auto* heartbeat = std::get_if<wire::Heartbeat>(&message); heartbeat != nullptr && heartbeat->leaving)
      leaving_told_before_recalled_ = leaving_told_before_recalled_ || recalled_.empty();
    if (auto* goodbye = std::get_if<wire::Goodbye>(&message)) goodbye_ = goodbye->reason;
    if (std::holds_alternative<wire::Heartbeat>(message)) ++beats_;
  }
  void say(const wire::Message& message) { server_->send(peer_, wire::encode(message)); }
  void welcome(std::uint64_t epoch = 1, std::vector<wire::HeldSlice> cancelled = {}) {
    say(wire::Welcome{.epoch = epoch,
                      .job = "{}",
                      .controller = {"boot", 5, 5},
                      .beat_ms = 1000,
                      .log_level = "fatal",
                      .cancelled = std::move(cancelled)});
  }
  bool until(const std::function<bool()>& predicate) { return loop_.run_until(predicate, 20s); }
  // The operation thread posts nothing when it begins a slice, nor the other one when it begins to sync, so these
  // counts are awaited by themselves.
  void until_begun(int count) { until_entered(gate_, count); }
  static void until_entered(Gate& gate, int count) {
    while (gate.begun_count() < count) std::this_thread::yield();
  }

  ManualLoop loop_;
  MemoryHub hub_{loop_};
  FakeMonitor monitor_;
  Gate gate_;
  Gate disk_;
  bool has_disk_ = false;
  bool broken_ = false;
  std::unique_ptr<ServerChannel> server_;
  std::unique_ptr<Worker> worker_;
  ServerChannel::Peer peer_ = 0;
  std::vector<wire::Hello> hellos_;
  std::map<std::uint64_t, wire::SliceResult> results_;
  std::vector<wire::HeldSlice> recalled_;
  std::optional<std::string> goodbye_, ended_;
  int beats_ = 0;
  bool leaving_told_before_recalled_ = false;
};

TEST_F(WorkerTest, ResultsAreKeptUntilTheyAreAcknowledged) {
  welcome();
  say(wire::Dispatch{1, {slice(1), slice(2)}});
  gate_.let(2);
  ASSERT_TRUE(until([this] { return results_.size() == 2; }));
  say(wire::Acked{1});
  loop_.run_ready();
  monitor_.died({});
  ASSERT_TRUE(until([this] { return hellos_.size() == 2; }));
  EXPECT_EQ(hellos_[1].first_seq, 2u);
  ASSERT_EQ(hellos_[1].unacked.size(), 1u) << "the first one is durable, the second is said again";
  EXPECT_EQ(hellos_[1].unacked[0].key.order, 2u);
}

TEST_F(WorkerTest, TheNextSliceIsBegunWhileTheDiskIsWaitedFor) {
  has_disk_ = true;
  welcome();
  say(wire::Dispatch{1, {slice(1), slice(2), slice(3), slice(4)}});
  loop_.run_ready();
  gate_.let(3);
  until_begun(3);
  until_entered(disk_, 1);
  monitor_.died({});
  ASSERT_TRUE(until([this] { return hellos_.size() == 2; }));
  EXPECT_THAT(hellos_[1].held, testing::ElementsAre(held(1), held(2), held(3), held(4)));
  EXPECT_TRUE(hellos_[1].unacked.empty()) << "nothing is told before it is durable";
  EXPECT_EQ(gate_.begun_count(), 3) << "a slow disk stops the work";

  welcome();
  disk_.let(1);
  ASSERT_TRUE(until([this] { return results_.size() == 1; }));
  EXPECT_EQ(results_.begin()->second.key.order, 1u);
  until_begun(4);
  say(wire::Leave{});
  gate_.let(1);
  disk_.let(3);
  ASSERT_TRUE(until([this] { return results_.size() == 4; }));
  EXPECT_FALSE(ended_) << "results that are not durable elsewhere are not left behind";
  std::map<std::uint64_t, wire::Outcome> outcomes;
  for (const auto& [seq, result] : results_) outcomes[result.key.order] = result.outcome;
  EXPECT_THAT(outcomes, testing::ElementsAre(
                            testing::Pair(1, wire::Outcome::completed), testing::Pair(2, wire::Outcome::completed),
                            testing::Pair(3, wire::Outcome::obstructed), testing::Pair(4, wire::Outcome::completed)));
}

TEST_F(WorkerTest, ANewControllerHearsWhatIsHeldAndMayCancelIt) {
  welcome();
  say(wire::Dispatch{1, {slice(1), slice(2), slice(3)}});
  loop_.run_ready();
  until_begun(1);
  monitor_.died({});
  ASSERT_TRUE(until([this] { return hellos_.size() == 2; }));
  EXPECT_THAT(hellos_[1].held, testing::ElementsAre(held(1), held(2), held(3)));
  welcome(2, {held(1), held(3)});
  ASSERT_TRUE(until([this] { return results_.size() == 1; }));
  EXPECT_EQ(results_[1].outcome, wire::Outcome::failed) << "the running one is told to stop";
  gate_.let(5);
  ASSERT_TRUE(until([this] { return results_.size() == 2; }));
  EXPECT_EQ(results_[2].key.order, 2u);
  EXPECT_EQ(gate_.begun_count(), 2) << "slice 3 is never begun";
}

TEST_F(WorkerTest, AskedTwiceItSaysOnceWhatItHolds) {
  welcome();
  loop_.run_ready();
  say(wire::HelloAgain{});
  say(wire::HelloAgain{});
  ASSERT_TRUE(until([this] { return hellos_.size() == 2; }));
  welcome();
  say(wire::Dispatch{1, {slice(1)}});
  loop_.run_ready();
  until_begun(1);
  EXPECT_EQ(hellos_.size(), 2U) << "a third one would take back what was ordered behind the second";
}

TEST_F(WorkerTest, WhatIsCancelledStopsOrIsGivenBackUnbegun) {
  welcome();
  say(wire::Dispatch{1, {slice(1), slice(2), slice(3)}});
  loop_.run_ready();
  until_begun(1);
  say(wire::Cancel{2, {held(2)}});  // of nobody whom it knows
  say(wire::Cancel{1, {held(1), held(3), held(7)}});
  ASSERT_TRUE(until([this] { return results_.size() == 1 && !recalled_.empty(); }));
  EXPECT_THAT(recalled_, testing::ElementsAre(held(3)));
  EXPECT_EQ(results_[1].outcome, wire::Outcome::failed);
  gate_.let(5);
  ASSERT_TRUE(until([this] { return results_.size() == 2; }));
  EXPECT_EQ(results_[2].key.order, 2u);
  EXPECT_EQ(gate_.begun_count(), 2) << "slice 3 is never begun";
}

TEST_F(WorkerTest, ARecallGivesBackOnlyWhatHasNotBegun) {
  welcome();
  say(wire::Dispatch{1, {slice(1), slice(2), slice(3), slice(4)}});
  loop_.run_ready();
  until_begun(1);
  say(wire::Recall{1, 1});
  ASSERT_TRUE(until([this] { return !recalled_.empty(); }));
  EXPECT_THAT(recalled_, testing::ElementsAre(held(4), held(3)));
  gate_.let(10);
  ASSERT_TRUE(until([this] { return results_.size() == 2; }));
  EXPECT_EQ(gate_.begun_count(), 2);
}

TEST_F(WorkerTest, LeavingFinishesWhatRunsAndWaitsForItsAcknowledgement) {
  welcome();
  say(wire::Dispatch{1, {slice(1), slice(2)}});
  loop_.run_ready();
  until_begun(1);
  say(wire::Leave{});
  ASSERT_TRUE(until([this] { return !recalled_.empty(); }));
  EXPECT_TRUE(leaving_told_before_recalled_) << "what it gives back must not come again";
  gate_.let(1);
  ASSERT_TRUE(until([this] { return results_.size() == 1; }));
  loop_.advance(100ms);
  EXPECT_FALSE(goodbye_) << "its result may be lost still";
  say(wire::Acked{1});
  ASSERT_TRUE(until([this] { return goodbye_.has_value(); }));
  loop_.advance(100ms);
  EXPECT_EQ(ended_, "");
  EXPECT_EQ(gate_.begun_count(), 1);
}

TEST_F(WorkerTest, LeavingWhileNothingRunsWaitsForTheAcknowledgementOfWhatRan) {
  welcome();
  say(wire::Dispatch{1, {slice(1)}});
  gate_.let(1);
  ASSERT_TRUE(until([this] { return results_.size() == 1; }));
  say(wire::Leave{});
  loop_.run_ready();
  loop_.advance(100ms);
  EXPECT_FALSE(goodbye_) << "a controller that dies now asks for the result again";
  say(wire::Acked{1});
  ASSERT_TRUE(until([this] { return goodbye_.has_value(); }));
}

TEST_F(WorkerTest, HeartbeatsGoOnWhileASliceBlocks) {
  welcome();
  say(wire::Dispatch{1, {slice(1)}});
  loop_.run_ready();
  until_begun(1);
  loop_.advance(5s);
  EXPECT_GE(beats_, 4);
}

TEST_F(WorkerTest, AFencedControllerIsNotListenedTo) {
  welcome(5);
  loop_.run_ready();
  welcome(4);
  say(wire::Dispatch{4, {slice(1)}});
  loop_.run_ready();
  gate_.let(1);
  say(wire::Dispatch{5, {slice(2)}});
  ASSERT_TRUE(until([this] { return results_.size() == 1; }));
  EXPECT_EQ(results_[1].key.order, 2u);
}

TEST_F(WorkerTest, WithoutAControllerItEndsAfterItsPatience) {
  loop_.advance(305s);
  ASSERT_TRUE(ended_);
  EXPECT_THAT(*ended_, testing::HasSubstr("no controller"));
}

TEST_F(WorkerTest, APipelineThatCannotBeBuiltIsSaidToTheController) {
  broken_ = true;
  welcome();
  ASSERT_TRUE(until([this] { return goodbye_.has_value(); }));
  EXPECT_EQ(*goodbye_, "operations[1] x: broken");
}

}  // namespace
}  // namespace slicemill::worker
