#include "execution-controller/analytics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slicemill::controller {
namespace {

using testing::ElementsAre;

TEST(Analytics, SumsPerOperationWhatCompletedSlicesReport) {
  const Json job = {{"operations", {{{"_op", "id_range"}}, {{"_op", "noop"}}}}};
  Analytics analytics(job);
  EXPECT_EQ(analytics.to_json(), Json::array());
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
  EXPECT_EQ(analytics.to_json().dump(),
            R"([{"op":"id_range","order":0,"slices":2,"records":20,"time_ms":3.0,"bytes":200},)"
            R"({"op":"noop","order":1,"slices":2,"records":16,"time_ms":0.002,"bytes":160}])");
  EXPECT_THAT(analytics.averages(),
              ElementsAre("operation 0 id_range: 1.500 ms, 10.0 records, 100 bytes a slice on average of 2 slices",
                          "operation 1 noop: 0.001 ms, 8.0 records, 80 bytes a slice on average of 2 slices"));
}

}  // namespace
}  // namespace slicemill::controller
