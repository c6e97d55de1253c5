// Who comes back after a crash, and what of it counts.
#include "execution-controller/dispatch/reattachment.h"

#include "tests/execution-controller/dispatch_harness.h"

namespace slicemill::controller {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class ReattachmentTest : public DispatchTest {
 protected:
  static constexpr std::int64_t kReattachMs = 500;
  Reattachment& begin(std::uint32_t expected) {
    reattachment_.emplace(
        loop_, queue_, leases_, kEpoch, expected, kReattachMs,
        Reattachment::Hooks{
            .on_over = [this] { ++over_; },
            .on_adopted = [this](const SliceKey& slice, const Attempt&) { adopted_.push_back(slice.order); },
            .on_result = [this](ActiveSlice slice, const wire::SliceResult&) { results_.push_back(slice.key.order); },
            .on_span_completed = [this](const SliceSpan& span,
                                        const wire::SliceResult&) { spans_.push_back(span.size()); }});
    return *reattachment_;
  }
  static wire::SliceResult result(std::uint64_t order, std::uint64_t epoch, std::uint64_t count = 1) {
    wire::SliceResult result{.key = key(order), .attempt = {epoch, 1}, .outcome = wire::Outcome::completed};
    result.count = count;
    return result;
  }

  std::optional<Reattachment> reattachment_;
  int over_ = 0;
  std::vector<std::uint64_t> adopted_, results_, spans_;
};

TEST_F(ReattachmentTest, NobodyIsWaitedForIfNobodyLived) {
  EXPECT_FALSE(begin(0).waiting());
  loop_.advance(1s);
  EXPECT_EQ(over_, 0);
}

TEST_F(ReattachmentTest, ItIsOverWhenAllAreThereOrTheTimeIsUp) {
  begin(2);
  reattachment_->joined(1);
  EXPECT_TRUE(reattachment_->waiting());
  reattachment_->joined(2);
  EXPECT_FALSE(reattachment_->waiting());

  begin(2);
  loop_.advance(std::chrono::milliseconds(kReattachMs - 1));
  EXPECT_TRUE(reattachment_->waiting());
  loop_.advance(1ms);
  EXPECT_FALSE(reattachment_->waiting());
  EXPECT_EQ(over_, 1) << "of the one that was replaced nothing is heard any more";
}

TEST_F(ReattachmentTest, AResultOfAnOpenSliceUnderAnEarlierEpochCounts) {
  create(5);
  begin(1);
  reattachment_->adopt_result(result(2, kEpoch - 1));
  reattachment_->adopt_result(result(2, kEpoch - 1));  // it is not open any more
  reattachment_->adopt_result(result(3, kEpoch));      // no earlier controller gave that
  reattachment_->adopt_result(result(77, kEpoch - 1));
  EXPECT_THAT(results_, ElementsAre(2));
  EXPECT_THAT(adopted_, ElementsAre(2));
  EXPECT_EQ(queue_.size(), 4u);
  reattachment_->adopt_result(result(3, kEpoch - 1, 3));
  EXPECT_THAT(spans_, ElementsAre(3));
  EXPECT_EQ(queue_.size(), 1u);
}

TEST_F(ReattachmentTest, WhatAWorkerHoldsIsItsLeaseAndOnlyOnce) {
  create(2);
  begin(1);
  EXPECT_TRUE(reattachment_->adopt_held({key(1), {kEpoch - 1, 4}}, 7));
  EXPECT_EQ(leases_.holder(key(1)), (LeaseTable::Holder{7, {kEpoch - 1, 4}}));
  EXPECT_FALSE(reattachment_->adopt_held({key(1), {kEpoch - 1, 5}}, 8)) << "somebody holds it";
  EXPECT_FALSE(reattachment_->adopt_held({key(9), {kEpoch - 1, 1}}, 8)) << "it is not open";
  EXPECT_FALSE(reattachment_->adopt_held({key(2), {kEpoch, 1}}, 8)) << "no earlier controller gave that";
}

TEST_F(ReattachmentTest, WhoComesTooLateIsNotAdopted) {
  create(2);
  begin(1);
  loop_.advance(std::chrono::milliseconds(kReattachMs));
  reattachment_->adopt_result(result(1, kEpoch - 1));
  EXPECT_FALSE(reattachment_->adopt_held({key(2), {kEpoch - 1, 1}}, 7));
  EXPECT_THAT(results_, IsEmpty());
  EXPECT_THAT(adopted_, IsEmpty());
  EXPECT_EQ(queue_.size(), 2u);
}

}  // namespace
}  // namespace slicemill::controller
