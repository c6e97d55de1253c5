#include "operations/processors/collect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operations/readers/composite_reader.h"
#include "operations/readers/id_range.h"
#include "operations/readers/test_reader.h"
#include "tests/operations/operation_run.h"

namespace slicemill {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// The sizes of the batches that come out, and all records in their order.
struct Gathered {
  std::vector<std::size_t> sizes;
  std::vector<std::string> records;
};

Gathered gather(Processor& collect, const std::vector<int>& batches) {
  Gathered out;
  RecordBatch batch;
  const auto take = [&] {
    do {
      if (batch.records.empty()) continue;
      out.sizes.push_back(batch.records.size());
      for (const auto record : batch.records) out.records.emplace_back(record);
    } while (*collect.more(batch));
  };
  EXPECT_TRUE(collect.begin({}));
  int next = 0;
  for (const int count : batches) {
    batch.clear();
    for (int i = 0; i < count; ++i) batch.append_copy(std::to_string(next++));
    EXPECT_TRUE(collect.process(batch));
    take();
  }
  batch.clear();
  EXPECT_TRUE(collect.finish(batch));
  take();
  return out;
}

TEST(Collect, MakesBatchesOfExactlyItsSizeAndGivesTheRestAtTheEnd) {
  const auto collect = make<Processor>(collect_operation(), R"({"size":4,"wait":"10 seconds"})");
  for (int slice = 0; slice < 2; ++slice) {
    const auto out = gather(*collect, {3, 1, 10, 1, 4});
    EXPECT_THAT(out.sizes, ElementsAre(4, 4, 4, 4, 3));
    for (std::size_t i = 0; i < out.records.size(); ++i) EXPECT_EQ(out.records[i], std::to_string(i));
  }
  EXPECT_THAT(gather(*collect, {2}).sizes, ElementsAre(2));
  EXPECT_THAT(gather(*collect, {4}).sizes, ElementsAre(4));
  EXPECT_TRUE(gather(*collect, {}).sizes.empty());
}

TEST(Collect, ForgetsAnAbandonedSlice) {
  const auto collect = make<Processor>(collect_operation(), R"({"size":4})");
  RecordBatch batch;
  batch.append_copy("old");
  EXPECT_TRUE(collect->process(batch));
  collect->abandon();
  EXPECT_THAT(gather(*collect, {1}).records, ElementsAre("0"));
}

TEST(Collect, NeedsASize) {
  EXPECT_THAT(problem(collect_operation(), "{}"), HasSubstr("size"));
  EXPECT_THAT(problem(collect_operation(), R"({"size":0})"), HasSubstr("size"));
}

TEST(CompositeReader, ReadsMembersOneAfterTheOtherAndPlainRequestsAsTheyAre) {
  const auto reader = make_composite_reader(make<Reader>(test_reader_operation(), R"({"passthrough_slice":true})"));
  const auto both = read_slice(*reader, R"({"members":[{"a":"]},{"},{"b":[1,{}]}]})");
  ASSERT_TRUE(both) << both.error().message;
  EXPECT_THAT(both->records, ElementsAre(R"({"a":"]},{"})", R"({"b":[1,{}]})"));
  EXPECT_THAT(read_slice(*reader, R"({"c":3})")->records, ElementsAre(R"({"c":3})"));
}

TEST(CompositeReader, RefusesWhatIsNoListOfRequests) {
  const auto reader = make_composite_reader(make<Reader>(test_reader_operation(), R"({"passthrough_slice":true})"));
  for (const char* request :
       {R"({"members":[)", R"({"members":[]})", R"({"members":[{"a":1})", R"({"members":[{"a":1}],"b":2})"})
    EXPECT_FALSE(read_slice(*reader, request)) << request;
}

}  // namespace
}  // namespace slicemill
