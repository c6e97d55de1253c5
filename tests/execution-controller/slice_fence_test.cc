// What is given up is fenced first; what has committed after all is done; a target that is away is waited for, but not
// for ever.
#include "execution-controller/settlement/slice_fence.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fakes/manual_loop.h"

namespace slicemill::controller {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Has committed what the test says, and answers with an error while there is one.
class ClaimingPublisher final : public OutputPublisher {
 public:
  Result<void> prepare(bool) override { return {}; }
  Result<void> probe() override { return {}; }
  std::vector<Result<void>> publish(const std::vector<CommittedOutput>& outputs) override {
    return std::vector<Result<void>>(outputs.size());
  }
  Result<bool> is_there(const CommittedOutput&) override { return true; }
  void sweep(const std::function<bool(const SliceKey&, const Attempt&)>&) override {}
  void clean_up(bool) override {}
  Result<VerifyReport> verify(const OutputSource&, const std::optional<JoinRecord>&,
                              const std::vector<FormerJob>&) override {
    return VerifyReport();
  }
  bool claims() const override { return true; }
  Result<std::vector<std::optional<ClaimedOutput>>> fence(const std::vector<SliceKey>& slices, std::uint64_t epoch,
                                                          bool all) override {
    ++asked;
    if (error) return *error;
    epochs.push_back(epoch);
    fenced_all = fenced_all || all;
    std::vector<std::optional<ClaimedOutput>> outputs(slices.size());
    for (std::size_t i = 0; i < slices.size(); ++i)
      if (slices[i].order == committed) outputs[i] = ClaimedOutput{{.present = true, .records = 5}, {}};
    return outputs;
  }

  std::optional<Error> error;
  std::uint64_t committed = 0;
  std::vector<std::uint64_t> epochs;
  int asked = 0;
  bool fenced_all = false;
};

class SliceFenceTest : public testing::Test {
 protected:
  static ActiveSlice slice(std::uint64_t order) {
    ActiveSlice one;
    one.key.order = order;
    return one;
  }
  void away(bool obstacle = false) {
    publisher_.error = Error(ErrorCode::unavailable, "Connection refused");
    publisher_.error->obstacle = obstacle;
  }

  ManualLoop loop_;
  ClaimingPublisher publisher_;
  std::vector<std::uint64_t> fenced_, committed_, given_up_;
  std::vector<std::string> obstacles_, lost_;
  SliceFence fence_{
      loop_, publisher_, 7,
      SliceFence::Hooks{.on_fenced = [this](const EndedSlice& ended) { fenced_.push_back(ended.slice.key.order); },
                        .on_committed =
                            [this](const ActiveSlice& done, const ClaimedOutput& output) {
                              EXPECT_EQ(output.facts.records, 5u);
                              committed_.push_back(done.key.order);
                            },
                        .on_given_up = [this](const ActiveSlice& open) { given_up_.push_back(open.key.order); },
                        .on_obstacle = [this](const Error& error) { obstacles_.push_back(error.message); },
                        .on_lost = [this](const Error& error) { lost_.push_back(error.message); },
                        .on_change = [] {}}};
};

TEST_F(SliceFenceTest, ASliceEndsOnceItIsFencedAndIsDoneIfItWasCommitted) {
  publisher_.committed = 2;
  for (const std::uint64_t order : {1, 2, 3}) fence_.add({slice(order), "bad", std::nullopt});
  EXPECT_THAT(fenced_, IsEmpty());
  loop_.advance(1ms);
  EXPECT_THAT(fenced_, ElementsAre(1, 3));
  EXPECT_THAT(committed_, ElementsAre(2));
  EXPECT_THAT(publisher_.epochs, testing::Each(7u));
}

TEST_F(SliceFenceTest, ATargetThatIsAwayIsWaitedForAndSaysSo) {
  away();
  fence_.add({slice(1), "bad", std::nullopt});
  loop_.advance(5s);
  EXPECT_THAT(fenced_, IsEmpty());
  EXPECT_THAT(fence_.trouble(), HasSubstr("1 failed slices wait to be fenced"));
  EXPECT_GT(publisher_.asked, 2);
  publisher_.error.reset();
  loop_.advance(10s);
  EXPECT_THAT(fenced_, ElementsAre(1));
  EXPECT_EQ(fence_.trouble(), "");
}

TEST_F(SliceFenceTest, ButNotForEver) {
  away();
  fence_.add({slice(1), "bad", std::nullopt});
  loop_.advance(200s);
  EXPECT_THAT(lost_, ElementsAre(HasSubstr("Connection refused")));
  const int asked = publisher_.asked;
  loop_.advance(200s);
  EXPECT_EQ(publisher_.asked, asked);
}

TEST_F(SliceFenceTest, WhatTheJobWaitsForIsAnObstacle) {
  away(true);
  fence_.add({slice(1), "bad", std::nullopt});
  loop_.advance(500s);
  EXPECT_THAT(obstacles_, ElementsAre("Connection refused"));
  EXPECT_THAT(lost_, IsEmpty());
  publisher_.error.reset();
  fence_.go_on();
  loop_.advance(1ms);
  EXPECT_THAT(fenced_, ElementsAre(1));
}

TEST_F(SliceFenceTest, AtTheDeadlineTheyStayOpen) {
  away();
  fence_.add({slice(1), "bad", std::nullopt});
  fence_.add({slice(2), "bad", std::nullopt});  // the first one is asked for just now
  EXPECT_EQ(fence_.take_all().size(), 1u);
  loop_.advance(1s);
  EXPECT_THAT(given_up_, ElementsAre(1));
  fence_.add({slice(3), "bad", std::nullopt});
  EXPECT_THAT(given_up_, ElementsAre(1, 3));
  EXPECT_THAT(fenced_, IsEmpty());
}

TEST_F(SliceFenceTest, AStopFencesAllAndFindsWhatWasCommitted) {
  publisher_.committed = 2;
  std::optional<SliceFence::Rest> rest;
  fence_.fence_rest({slice(1), slice(2)}, [&](SliceFence::Rest found) { rest = std::move(found); });
  loop_.advance(1ms);
  ASSERT_TRUE(rest);
  EXPECT_TRUE(publisher_.fenced_all);
  ASSERT_EQ(rest->committed.size(), 1u);
  EXPECT_EQ(rest->committed[0].first.key.order, 2u);
  EXPECT_EQ(rest->trouble, "");
}

TEST_F(SliceFenceTest, AStopDoesNotWaitLongForATargetThatIsAway) {
  away();
  std::optional<SliceFence::Rest> rest;
  fence_.fence_rest({slice(1)}, [&](SliceFence::Rest found) { rest = std::move(found); });
  loop_.advance(10s);
  ASSERT_TRUE(rest);
  EXPECT_THAT(rest->trouble, HasSubstr("may be written still: Connection refused"));
  EXPECT_THAT(rest->committed, IsEmpty());
}

}  // namespace
}  // namespace slicemill::controller
