#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <nlohmann/json.hpp>
#include <string>

#include "operations/operation.h"

namespace slicemill {
namespace {

using testing::HasSubstr;

TEST(RecordBatch, KeepsRecordsInPlaceWhileItGrows) {
  RecordBatch batch;
  std::vector<std::string> expected;
  for (int i = 0; i < 100'000; ++i) {
    expected.push_back("record " + std::to_string(i));
    batch.append_copy(expected.back());
  }
  ASSERT_EQ(batch.records.size(), expected.size());
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    ASSERT_EQ(batch.records[i], expected[i]);
    bytes += expected[i].size();
  }
  EXPECT_EQ(batch.bytes(), bytes);
}

// Under AddressSanitizer a read behind the block fails.
TEST(RecordBatch, HasReadablePaddingBehindEveryRecord) {
  RecordBatch batch;
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, RecordBatch::kTargetBytes,
                                 RecordBatch::kTargetBytes + (64 << 10) - 64, std::size_t{9} << 20}) {
    char* space = batch.allocate(size);
    std::memset(space, 'x', size);
    char copy[RecordBatch::kPadding];
    std::memcpy(copy, space + size, sizeof copy);
  }
}

TEST(RecordBatch, GivesBackTheTailOfAnAllocation) {
  RecordBatch batch;
  char* first = batch.allocate(1000);
  batch.shrink_last(first, 10);
  EXPECT_EQ(batch.allocate(5), first + 10);
}

TEST(RecordBatch, ReusesItsSpaceButNotWithoutLimit) {
  RecordBatch batch;
  char* first = batch.allocate(100);
  batch.clear();
  EXPECT_TRUE(batch.records.empty());
  EXPECT_EQ(batch.allocate(100), first);
  batch.clear();
  batch.allocate(RecordBatch::kKeptBytes * 2);
  batch.clear();
  EXPECT_EQ(batch.allocate(100), first);  // the large block is gone, the small one stays
}

OperationContext with_action(const std::string& action) {
  OperationContext context;
  context.options = Json::object({{"_op", "sample"}, {"_dead_letter_action", action}});
  return context;
}

TEST(RecordRejecter, FollowsTheDeadLetterAction) {
  const Error why(ErrorCode::invalid, "is bad");
  RecordRejecter failing(with_action("throw"));
  const auto failed = failing.reject("{", why);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message, "is bad");
  EXPECT_FALSE(failed.error().retryable);

  RecordRejecter dropping(with_action("none"));
  testing::internal::CaptureStderr();
  EXPECT_TRUE(dropping.reject("{", why));
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(dropping.rejected(), 1U);

  RecordRejecter logging(with_action("log"));
  testing::internal::CaptureStderr();
  EXPECT_TRUE(logging.reject("{\"a\":", why));
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("sample: dropped record {\"a\":: is bad"));
}

TEST(OperationRegistry, FindsMakesAndSorts) {
  OperationRegistry registry;
  for (const auto& [name, kind] : {std::pair{"z", OperationKind::reader}, std::pair{"b", OperationKind::processor},
                                   std::pair{"a", OperationKind::processor}}) {
    OperationSchema schema;
    schema.name = name;
    schema.kind = kind;
    registry.add({std::move(schema), [] { return std::unique_ptr<Operation>(); }});
  }
  std::string order;
  for (const auto* schema : registry.all()) order += schema->name;
  EXPECT_EQ(order, "zab");
  EXPECT_EQ(registry.find("b")->name, "b");
  EXPECT_EQ(registry.find("c"), nullptr);
  EXPECT_EQ(registry.make("c"), nullptr);
}

}  // namespace
}  // namespace slicemill
