#include "worker/slice_executor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slicemill::worker {
namespace {

struct Done {
  std::uint64_t order;
  bool follows = true;
  Attempt attempt = {3, 1};
};

wire::SliceResult result_of(const Done& done) {
  return {.key = {0, 0, done.order, 1}, .attempt = done.attempt, .records_in = 10, .records_out = 4, .busy_us = 2};
}

void append(std::vector<wire::SliceResult>& results, const Done& done, wire::SliceResult result) {
  append_result(results, std::move(result), {.key = result.key, .attempt = done.attempt, .follows = done.follows});
}

std::vector<std::pair<std::uint64_t, std::uint64_t>> firsts_and_counts(const std::vector<wire::SliceResult>& results) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> pairs;
  for (const auto& result : results) pairs.emplace_back(result.key.order, result.count);
  return pairs;
}

TEST(AppendResult, SlicesOfASpanAreToldAsSums) {
  std::vector<wire::SliceResult> results;
  for (const Done& done : {Done{5, false}, Done{6}, Done{7}}) append(results, done, result_of(done));
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(
      results[0],
      (wire::SliceResult{
          .key = {0, 0, 5, 1}, .count = 3, .attempt = {3, 1}, .records_in = 30, .records_out = 12, .busy_us = 6}));
}

TEST(AppendResult, AnotherSpanAttemptOrPlaceBeginsAnew) {
  std::vector<wire::SliceResult> results;
  for (const Done& done : {Done{5, false}, Done{6, false}, Done{8}, Done{9, true, {3, 2}}, Done{10, true, {3, 2}}})
    append(results, done, result_of(done));
  using P = std::pair<std::uint64_t, std::uint64_t>;
  EXPECT_THAT(firsts_and_counts(results), testing::ElementsAre(P{5, 1}, P{6, 1}, P{8, 1}, P{9, 2}));
}

// What a slice has to say of its own stands alone, and nothing is added to it.
TEST(AppendResult, FailuresOutputsAndQuarantinedRecordsStandAlone) {
  const std::vector<std::function<void(wire::SliceResult&)>> changes{
      [](wire::SliceResult& r) { r.outcome = wire::Outcome::failed; },
      [](wire::SliceResult& r) { r.outcome = wire::Outcome::obstructed; },
      [](wire::SliceResult& r) { r.output.present = true; },
      [](wire::SliceResult& r) { r.quarantined.emplace_back(); }};
  for (const auto& change : changes) {
    std::vector<wire::SliceResult> results;
    for (const Done& done : {Done{1, false}, Done{2}, Done{3}, Done{4}}) {
      auto result = result_of(done);
      if (done.order == 2) change(result);
      append(results, done, std::move(result));
    }
    using P = std::pair<std::uint64_t, std::uint64_t>;
    EXPECT_THAT(firsts_and_counts(results), testing::ElementsAre(P{1, 1}, P{2, 1}, P{3, 2}));
  }
}

TEST(AppendResult, FiguresAreSumsAndOnlyTheFirstSliceWasMeasured) {
  std::vector<wire::SliceResult> results;
  for (const Done& done : {Done{1, false}, Done{2}, Done{3}, Done{4}}) {
    auto result = result_of(done);
    result.operations = {{.records = done.order, .bytes = 10, .time_ns = done.order == 3 ? 7U : 0U}};
    append(results, done, std::move(result));
  }
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[0].count, 2u);
  EXPECT_EQ(results[0].operations.front(), (wire::OperationFigures{.records = 3, .bytes = 20}));
  EXPECT_EQ(results[1].count, 2u);
  EXPECT_EQ(results[1].operations.front(), (wire::OperationFigures{.records = 7, .bytes = 20, .time_ns = 7}));
}

}  // namespace
}  // namespace slicemill::worker
