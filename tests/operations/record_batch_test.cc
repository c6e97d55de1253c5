#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <nlohmann/json.hpp>
#include <set>
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

OperationContext with_action(BadRecords action) {
  OperationContext context;
  context.operation.name = "sample";
  context.operation.bad_records = action;
  return context;
}

TEST(RecordRejecter, DoesWithBadRecordsWhatTheOperationSays) {
  const Error why(ErrorCode::invalid, "is bad");
  RecordRejecter failing(with_action(BadRecords::fail_slice));
  const auto failed = failing.reject("{", why);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message, "is bad");
  EXPECT_FALSE(failed.error().retryable);

  RecordRejecter dropping(with_action(BadRecords::drop));
  testing::internal::CaptureStderr();
  EXPECT_TRUE(dropping.reject("{", why));
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(dropping.rejected(), 1U);

  RecordRejecter logging(with_action(BadRecords::log));
  testing::internal::CaptureStderr();
  EXPECT_TRUE(logging.reject("{\"a\":", why));
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("sample: dropped record {\"a\":: is bad"));
}

TEST(RecordRejecter, Quarantines) {
  RecordQuarantine quarantine;
  auto context = with_action(BadRecords::quarantine);
  context.index = 2;
  context.quarantine = &quarantine;
  RecordRejecter rejecter(context);
  quarantine.begin("{}");
  const Error why(ErrorCode::invalid, "is bad");
  EXPECT_TRUE(rejecter.reject("[1]", why));
  EXPECT_TRUE(rejecter.reject("[2]", why, "/in: byte 9"));
  const auto records = quarantine.take();
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0], (QuarantinedRecord{"operations[2] sample", {2, "sample"}, "slice {}", "[1]", "is bad"}));
  EXPECT_EQ(records[1].place, "/in: byte 9");
  // What it made itself cannot be brought back: the slice fails, and its makings are looked for.
  const auto failed = rejecter.reject_product("[3]", why);
  ASSERT_FALSE(failed);
  EXPECT_FALSE(failed.error().retryable);
  EXPECT_EQ(quarantine.size(), 0U);
  EXPECT_TRUE(RecordRejecter(with_action(BadRecords::drop)).reject_product("[3]", why));
  EXPECT_FALSE(RecordRejecter(with_action(BadRecords::quarantine)).reject("[3]", why)) << "there is nowhere to keep it";
}

TEST(RecordRejecter, NamesNoOperationThatEveryJobHas) {
  RecordQuarantine quarantine;
  auto context = with_action(BadRecords::quarantine);
  context.quarantine = &quarantine;
  for (std::size_t index = 0; index < 2; ++index) {
    context.index = index;
    quarantine.begin("");
    EXPECT_TRUE(RecordRejecter(context).reject("x", Error(ErrorCode::invalid, "bad")));
    EXPECT_EQ(quarantine.take()[0].entry, (PipelineEntry{static_cast<std::uint32_t>(index), ""}));
  }
}

TEST(RecordQuarantine, KeepsRecordsWholeOrRefusesThem) {
  RecordQuarantine quarantine;
  quarantine.begin("{}");
  const auto record = [](std::size_t bytes) {
    return QuarantinedRecord{"operations[1] filter", {1, ""}, "", std::string(bytes, 'x'), "broken"};
  };
  EXPECT_TRUE(quarantine.add(record(kLongestQuarantinedBytes)));
  const auto too_long = quarantine.add(record(kLongestQuarantinedBytes + 1));
  ASSERT_FALSE(too_long);
  EXPECT_FALSE(too_long.error().retryable);
  EXPECT_THAT(too_long.error().message,
              HasSubstr("of 1048577 bytes is too long to be quarantined (at most 1048576); it "
                        "was refused by operations[1] filter: broken"));
  EXPECT_TRUE(quarantine.add(record(kLongestQuarantinedBytes)));
  EXPECT_TRUE(quarantine.add(record(kLongestQuarantinedBytes)));
  const auto too_many = quarantine.add(record(kLongestQuarantinedBytes));
  ASSERT_FALSE(too_many);
  EXPECT_THAT(too_many.error().message, HasSubstr("more than 4 MB"));
  quarantine.begin("{}");
  EXPECT_TRUE(quarantine.add(record(kLongestQuarantinedBytes)));
}

TEST(RecordQuarantine, KnownRecordsKeepTheirPlace) {
  RecordQuarantine quarantine;
  quarantine.begin(R"({"redriven":{}})");
  quarantine.expect("a", "/in: byte 1");
  quarantine.expect("a", "/in: byte 7");
  for (const char* bytes : {"a", "a", "a", "b"})
    EXPECT_TRUE(quarantine.add({"operations[1] filter", {1, ""}, "", bytes, "broken"}));
  std::multiset<std::string> places;
  for (const auto& record : quarantine.take()) places.insert(record.place);
  EXPECT_EQ(places, (std::multiset<std::string>{"/in: byte 1", "/in: byte 7", "redriven records", "redriven records"}));
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
