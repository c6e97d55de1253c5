#include "execution-controller/reporting/analytics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slicemill::controller {
namespace {

using testing::ElementsAre;

TEST(Analytics, SumsPerOperationWhatCompletedSlicesReport) {
  const JobSpec job{.plan = {{.name = "id_range"}, {.name = "noop"}}};
  Analytics analytics(job);
  EXPECT_THAT(analytics.operations(), testing::IsEmpty());
  EXPECT_TRUE(analytics.averages().empty());
  wire::SliceResult result;
  result.operations = {{.records = 10, .bytes = 100, .time_ns = 1'500'000},
                       {.records = 8, .bytes = 80, .time_ns = 1'000}};
  analytics.add(result);
  analytics.add(result);
  auto failed = result;
  failed.outcome = wire::Outcome::failed;
  analytics.add(failed);
  auto foreign = result;
  foreign.operations.pop_back();
  analytics.add(foreign);
  EXPECT_THAT(analytics.operations(),
              ElementsAre(OperationStats{"id_range", 0, 2, 2, std::nullopt, {20, 200, 3'000'000}, 0.999},
                          OperationStats{"noop", 1, 2, 2, 20, {16, 160, 2'000}, 0.001}));
  EXPECT_THAT(analytics.averages(),
              ElementsAre("operation 0 id_range: 1.500 ms, 10.0 records, 100 bytes a slice on average of 2 slices",
                          "operation 1 noop: 0.001 ms, 8.0 records, 80 bytes a slice on average of 2 slices"));
}

TEST(Analytics, AllAreCountedAndSomeAreMeasured) {
  const JobSpec job{.plan = {{.name = "id_range"}, {.name = "noop"}}};
  Analytics analytics(job);
  EXPECT_FALSE(analytics.slowest());
  wire::SliceResult result;
  result.operations = {{.records = 1, .bytes = 10, .time_ns = 1'000'000}, {.records = 1, .time_ns = 3'000'000}};
  analytics.add(result);
  result.count = 9;
  result.operations = {{.records = 9, .bytes = 90}, {.records = 9}};
  analytics.add(result);
  const std::vector<OperationStats> rows = analytics.operations();
  EXPECT_EQ(rows[0].slices, 10U);
  EXPECT_EQ(rows[0].measured, 1U);
  EXPECT_EQ(rows[0].totals.records, 10U);
  EXPECT_EQ(rows[0].share, 0.25);
  EXPECT_THAT(analytics.averages().front(),
              testing::Eq("operation 0 id_range: 1.000 ms, 1.0 records, 10 bytes a slice on average of 10 slices"));
  const auto slowest = analytics.slowest();
  ASSERT_TRUE(slowest);
  EXPECT_EQ(slowest->op, "noop");
  EXPECT_EQ(slowest->order, 1U);
  EXPECT_EQ(slowest->share, 0.75);
}

TEST(Analytics, GoesOnFromTheLedger) {
  const JobSpec job{.plan = {{.name = "id_range"}, {.name = "noop"}}};
  LedgerFigures figures{.slices = 3, .measured_slices = 1, .operations = {{.records = 5}, {.records = 4}}};
  Analytics analytics(job, figures);
  wire::SliceResult result;
  result.operations = {{.records = 10}, {.records = 1}};
  analytics.add(result);
  LedgerFigures after;
  analytics.put(after);
  EXPECT_EQ(after.slices, 4U);
  EXPECT_EQ(after.measured_slices, 1U);
  EXPECT_EQ(after.operations, (std::vector<OperationTotals>{{.records = 15}, {.records = 5}}));

  figures.operations.pop_back();  // of another job
  EXPECT_THAT(Analytics(job, figures).operations(), testing::IsEmpty());
}

}  // namespace
}  // namespace slicemill::controller
