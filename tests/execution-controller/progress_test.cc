#include "execution-controller/reporting/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "execution-controller/reporting/progress_meter.h"
#include "execution-controller/settlement/first_error.h"

namespace slicemill::controller {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

// A source of `total` of which some is done each step.
class Metered {
 public:
  explicit Metered(std::uint64_t total) : total_(total) {}

  void pass(std::int64_t ms, std::uint64_t done) {
    now_ += milliseconds(ms);
    done_ += done;
    meter.add(now_, {.records = done_ / 10, .bytes = done_, .done = done_}, total_ - std::min(total_, done_));
  }
  std::uint64_t done() const { return done_; }

  ProgressMeter meter;

 private:
  std::uint64_t total_;
  std::uint64_t done_ = 0;
  SteadyTime now_{std::chrono::hours(1)};
};

TEST(ProgressMeter, RatesAreOfTheLastSeconds) {
  Metered work(1'000'000);
  work.pass(0, 500);
  EXPECT_FALSE(work.meter.bytes_per_second()) << "what was there before says nothing";
  work.pass(400, 400);
  EXPECT_FALSE(work.meter.bytes_per_second());
  work.pass(100, 100);
  EXPECT_DOUBLE_EQ(*work.meter.bytes_per_second(), 1'000);
  EXPECT_DOUBLE_EQ(*work.meter.records_per_second(), 100);
  for (int i = 0; i < 20; ++i) work.pass(500, 2'500);
  EXPECT_DOUBLE_EQ(*work.meter.bytes_per_second(), 5'000) << "the slow beginning is over";
  for (int i = 0; i < 20; ++i) work.pass(500, 0);
  EXPECT_LT(*work.meter.bytes_per_second(), 500) << "nothing gets on";
}

TEST(ProgressMeter, TheRemainingTimeIsKnownAfterSomeWindows) {
  Metered work(100'000);
  work.pass(0, 0);
  for (std::size_t i = 0; i < ProgressMeter::kFewestWindows; ++i) {
    EXPECT_FALSE(work.meter.remaining());
    work.pass(500, 500);
  }
  const auto left = work.meter.remaining();
  ASSERT_TRUE(left);
  EXPECT_NEAR(left->expected, 97.5, 0.01);
  EXPECT_LT(left->low, left->expected);
  EXPECT_GT(left->high, left->expected);
  EXPECT_GT(left->low, 90) << "an even rate has a narrow band";
  EXPECT_LT(left->high, 105);
}

TEST(ProgressMeter, TheBandIsAsWideAsTheRatesDiffer) {
  Metered even(100'000), uneven(100'000);
  even.pass(0, 0);
  uneven.pass(0, 0);
  for (int i = 0; i < 20; ++i) {
    even.pass(500, 500);
    uneven.pass(500, i % 2 == 0 ? 100 : 900);
  }
  const auto narrow = *even.meter.remaining(), wide = *uneven.meter.remaining();
  EXPECT_GT(wide.high - wide.low, 5 * (narrow.high - narrow.low));
  EXPECT_LT(wide.low, wide.expected);
  EXPECT_GT(wide.high, wide.expected);
}

TEST(ProgressMeter, TheRemainingTimeDoesNotJump) {
  Metered work(1'000'000);
  work.pass(0, 0);
  for (int i = 0; i < 30; ++i) work.pass(500, 500);
  double before = work.meter.remaining()->expected;
  EXPECT_NEAR(before, 985, 1);
  for (int i = 0; i < 60; ++i) {  // twice as fast from now on
    work.pass(500, 1'000);
    const double now = work.meter.remaining()->expected;
    EXPECT_LT(now, before);
    EXPECT_GT(now, before * 0.9);
    before = now;
  }
  EXPECT_NEAR(before, 465, 50);
}

TEST(ProgressMeter, SlicesThatTakeLongMakeLongWindows) {
  Metered work(100);
  work.pass(0, 0);
  for (int i = 0; i < 4 * 5; ++i) work.pass(500, i % 4 == 3 ? 2 : 0);  // one of two units in two seconds
  const auto left = work.meter.remaining();
  ASSERT_TRUE(left) << "five of them are done";
  EXPECT_NEAR(left->expected, 90, 1);
  EXPECT_LT(left->high, 95) << "they are as even as can be";
}

TEST(ProgressMeter, WhatRestsIsMeasuredAnew) {
  Metered work(100'000);
  work.pass(0, 0);
  for (int i = 0; i < 10; ++i) work.pass(500, 500);
  ASSERT_TRUE(work.meter.remaining());
  work.meter.rest();
  EXPECT_FALSE(work.meter.remaining());
  EXPECT_FALSE(work.meter.bytes_per_second());
  work.pass(100'000, 0);
  work.pass(500, 500);
  EXPECT_DOUBLE_EQ(*work.meter.bytes_per_second(), 1'000) << "the rest does not count";
  work.pass(60'000, 60'000);
  EXPECT_FALSE(work.meter.bytes_per_second()) << "nobody looked for a while";
}

TEST(ProgressMeter, WithoutAnEndThereAreOnlyRates) {
  ProgressMeter meter;
  SteadyTime now{};
  for (std::uint64_t i = 0; i < 20; ++i) meter.add(now += milliseconds(500), {.records = i, .done = i}, std::nullopt);
  EXPECT_FALSE(meter.remaining());
  EXPECT_DOUBLE_EQ(*meter.records_per_second(), 2);
}

TEST(Progress, PercentIsBelowAHundredAsLongAsSomethingIsLeft) {
  EXPECT_EQ(percent_of(0, 10), 0);
  EXPECT_EQ(percent_of(1, 3), 33.3);
  EXPECT_EQ(percent_of(2, 3), 66.6);
  EXPECT_EQ(percent_of(999'999, 1'000'000), 99.9);
  EXPECT_EQ(percent_of(10, 10), 100);
  EXPECT_EQ(percent_of(11, 10), 100);
}

TEST(FirstError, SaysFileBytesAndRecord) {
  FirstError first{.slice = {0, 1, 7},
                   .request = R"({"path":"/in/a\u001b.ldjson","total":99,"offset":10,"length":20})",
                   .error = "operations[1] filter: no object"};
  EXPECT_EQ(first_error_text(first), R"(operations[1] filter: no object (/in/a\x1b.ldjson, bytes 10 to 30))");
  FirstErrorView view = view_of(first);
  EXPECT_EQ(view.file, R"(/in/a\x1b.ldjson)");
  EXPECT_EQ(view.bytes, (ByteRange{10, 30}));
  EXPECT_EQ(view.order, 7U);
  EXPECT_FALSE(view.record);

  first.record = QuarantinedRecord{.place = "/in/a: byte 12", .bytes = "[1,\n\x1b]" + std::string(500, 'x')};
  EXPECT_THAT(first_error_text(first), HasSubstr(R"(; record: [1,\n\x1b]xxx)"));
  view = view_of(first);
  EXPECT_EQ(view.place, "/in/a: byte 12");
  EXPECT_LT(view.record.value().size(), 250U);

  first.error = "broken\nby a script";
  first.record.reset();
  EXPECT_EQ(first_error_text(first), R"(broken (/in/a\x1b.ldjson, bytes 10 to 30))");
  first.record = QuarantinedRecord{.bytes = "[1]"};
  first.error = "operations[1] filter: no object, in [1]";
  first.record->bytes = "[1]";
  EXPECT_THAT(first_error_text(first), testing::Not(HasSubstr("record:"))) << "the error has it already";
}

TEST(FirstError, OfSlicesWithoutAFileThereIsNone) {
  for (const char* request : {R"({"start":0,"end":1})", "", "[1]", R"({"members":[{"path":"/a"},{"path":"/b"}]})"}) {
    const FirstError first{.request = request, .error = "broken"};
    EXPECT_EQ(first_error_text(first), "broken") << request;
    EXPECT_EQ(view_of(first).file, "");
  }
  const FirstError member{.request = R"({"members":[{"path":"/a","offset":0,"length":3}]})", .error = "broken"};
  EXPECT_EQ(first_error_text(member), "broken (/a, bytes 0 to 3)");
  const FirstError whole{.request = R"({"path":"/a","offset":0,"length":0,"unsized":true})", .error = "broken"};
  EXPECT_EQ(first_error_text(whole), "broken (/a)");
}

}  // namespace
}  // namespace slicemill::controller
