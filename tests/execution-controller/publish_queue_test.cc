// Committed outputs get their names in groups; what cannot be published now is tried again or waits.
#include "execution-controller/settlement/publish_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fakes/manual_loop.h"

namespace slicemill::controller {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

// Answers by the order of the slice.
class ToldPublisher final : public OutputPublisher {
 public:
  Result<void> prepare(bool) override { return {}; }
  Result<void> probe() override { return {}; }
  std::vector<Result<void>> publish(const std::vector<CommittedOutput>& outputs) override {
    groups.emplace_back();
    std::vector<Result<void>> results;
    for (const auto& output : outputs) {
      groups.back().push_back(output.key.order);
      const auto told = errors.find(output.key.order);
      results.push_back(told == errors.end() ? Result<void>() : Result<void>(told->second));
    }
    return results;
  }
  void sweep(const std::function<bool(const SliceKey&, const Attempt&)>&) override {}
  Result<bool> is_there(const CommittedOutput&) override { return true; }
  void clean_up(bool) override {}
  Result<VerifyReport> verify(const OutputSource&, const std::optional<JoinRecord>&,
                              const std::vector<FormerJob>&) override {
    return VerifyReport();
  }

  std::vector<std::vector<std::uint64_t>> groups;
  std::map<std::uint64_t, Error> errors;
};

class PublishQueueTest : public testing::Test {
 protected:
  void push(std::uint64_t order) {
    CommittedSlice output;
    output.slice.key.order = output.output.key.order = order;
    queue_.push(std::move(output));
  }
  static Error obstacle() {
    Error error(ErrorCode::no_space, "the disk is full");
    error.obstacle = true;
    return error;
  }

  ManualLoop loop_;
  ToldPublisher publisher_;
  std::vector<std::uint64_t> published_, lost_;
  std::vector<std::string> obstacles_, fatal_;
  int changes_ = 0;
  PublishQueue queue_{
      loop_,
      &publisher_,
      {.on_published = [this](const CommittedSlice& output) { published_.push_back(output.slice.key.order); },
       .on_lost = [this](const CommittedSlice& output, const Error&) { lost_.push_back(output.slice.key.order); },
       .on_obstacle = [this](const Error& error) { obstacles_.push_back(error.message); },
       .on_change = [this] { ++changes_; },
       .on_fatal = [this](const Error& error) { fatal_.push_back(error.message); }}};
};

TEST_F(PublishQueueTest, WhatComesWhileAGroupIsUnderWayIsTheNextGroup) {
  push(1);
  push(2);
  queue_.publish();
  push(3);
  queue_.publish();
  loop_.run_ready();
  EXPECT_THAT(publisher_.groups, ElementsAre(ElementsAre(1, 2), ElementsAre(3)));
  EXPECT_THAT(published_, ElementsAre(1, 2, 3));
  EXPECT_EQ(changes_, 2);
}

TEST_F(PublishQueueTest, AnErrorThatMayPassIsTriedAgainAndSaysItself) {
  publisher_.errors = {{2, Error(ErrorCode::io, "the device does not answer")}};
  push(1);
  push(2);
  queue_.publish();
  loop_.run_ready();
  EXPECT_THAT(published_, ElementsAre(1));
  EXPECT_EQ(queue_.trouble(), "the device does not answer");
  publisher_.errors.clear();
  push(3);
  queue_.publish();
  loop_.run_ready();
  EXPECT_THAT(published_, ElementsAre(1)) << "it backs off";
  loop_.advance(1s);
  EXPECT_THAT(published_, testing::UnorderedElementsAre(1, 2, 3));
  EXPECT_EQ(queue_.trouble(), "");
}

TEST_F(PublishQueueTest, AnErrorThatDoesNotPassIsALossInTheEndAndOneThatCannotPassAtOnce) {
  publisher_.errors = {{1, Error(ErrorCode::io, "the device does not answer")},
                       {2, Error(ErrorCode::conflict, "another file has this name")}};
  push(1);
  push(2);
  queue_.publish();
  loop_.run_ready();
  EXPECT_THAT(lost_, ElementsAre(2));
  loop_.advance(std::chrono::minutes(10));
  EXPECT_THAT(lost_, ElementsAre(2, 1));
  EXPECT_EQ(publisher_.groups.size(), 11u) << "the first try and ten more";
}

TEST_F(PublishQueueTest, AnObstacleHoldsEverythingUntilItIsGone) {
  publisher_.errors = {{1, obstacle()}};
  push(1);
  queue_.publish();
  loop_.run_ready();
  EXPECT_THAT(obstacles_, ElementsAre("the disk is full"));
  push(2);
  queue_.publish();
  loop_.advance(std::chrono::minutes(10));
  EXPECT_THAT(published_, IsEmpty());
  EXPECT_EQ(publisher_.groups.size(), 1u) << "nothing is tried in vain";
  publisher_.errors.clear();
  queue_.go_on();
  loop_.run_ready();
  EXPECT_THAT(published_, ElementsAre(1, 2));
}

TEST_F(PublishQueueTest, WhatIsAbandonedIsNeverPublished) {
  publisher_.errors = {{1, obstacle()}};
  push(1);
  queue_.publish();
  loop_.run_ready();
  push(2);
  EXPECT_EQ(queue_.abandon(), 2u);
  publisher_.errors.clear();
  queue_.go_on();
  loop_.run_ready();
  EXPECT_THAT(published_, IsEmpty());
  EXPECT_THAT(lost_, IsEmpty());
}

}  // namespace
}  // namespace slicemill::controller
