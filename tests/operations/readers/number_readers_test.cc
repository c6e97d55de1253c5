#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "operations/readers/date_text.h"
#include "operations/readers/id_range.h"
#include "operations/readers/test_reader.h"
#include "tests/operations/operation_run.h"

namespace slicemill {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

TEST(IdRange, MakesEveryIdOfTheSlice) {
  const auto reader = make<Reader>(id_range_operation(), R"({"end":100})");
  EXPECT_THAT(read_slice(*reader, R"({"start":-2,"end":2})")->records,
              ElementsAre(R"({"id":-2})", R"({"id":-1})", R"({"id":0})", R"({"id":1})"));
  EXPECT_THAT(read_slice(*reader, R"({"end":6,"x":null,"start":5})")->records, ElementsAre(R"({"id":5})"));
  EXPECT_THAT(read_slice(*reader, R"({"start":5,"end":5})")->records, SizeIs(0));
}

TEST(IdRange, StreamsLargeSlicesInBatches) {
  const auto reader = make<Reader>(id_range_operation(), R"({"end":100})");
  const auto read = read_slice(*reader, R"({"start":0,"end":300000})");
  ASSERT_TRUE(read);
  ASSERT_THAT(read->records, SizeIs(300'000));
  EXPECT_GT(read->batches, 3);
  for (std::size_t i = 0; i < read->records.size(); ++i)
    ASSERT_EQ(read->records[i], "{\"id\":" + std::to_string(i) + "}");
}

TEST(IdRange, BadRequestsAreNamed) {
  const auto reader = make<Reader>(id_range_operation(), R"({"end":100})");
  for (const auto* bad :
       {"{}", R"({"start":1})", R"({"start":"1","end":2})", R"({"start":1.5,"end":2})", "", "[", "null"}) {
    const auto read = read_slice(*reader, bad);
    ASSERT_FALSE(read) << bad;
    EXPECT_EQ(read.error().code, ErrorCode::invalid);
    EXPECT_THAT(read.error().message, HasSubstr(std::string("slice request ") + bad + ": \"")) << bad;
  }
}

TEST(IdRange, OptionsAreChecked) {
  EXPECT_THAT(problem(id_range_operation(), "{}"), HasSubstr("end: is required"));
  EXPECT_THAT(problem(id_range_operation(), R"({"start":5,"end":4})"), HasSubstr("end: 4 is before start 5"));
  EXPECT_THAT(problem(id_range_operation(), R"({"end":4,"size":0})"),
              HasSubstr("size: must be valid integer greater than zero"));
  EXPECT_EQ(problem(id_range_operation(), R"({"start":5,"end":5})"), "");
}

std::string write_file(const std::string& name, const std::string& text) {
  const auto path = testing::TempDir() + name + "." + std::to_string(::getpid());
  std::ofstream(path) << text;
  return path;
}

TEST(TestReader, GivesBuiltInRecordsForEverySlice) {
  const auto reader = make<Reader>(test_reader_operation(), "{}");
  const auto first = read_slice(*reader, "{}"), second = read_slice(*reader, "{}");
  EXPECT_THAT(first->records, SizeIs(10));
  EXPECT_EQ(first->records, second->records);
}

TEST(TestReader, GivesTheRecordsOfAFile) {
  const auto path = write_file("records.json", R"([{"a": 1}, {"a": 2}])");
  const auto reader = make<Reader>(test_reader_operation(), Json::object({{"fetcher_data_file_path", path}}).dump());
  EXPECT_THAT(read_slice(*reader, "{}")->records, ElementsAre(R"({"a":1})", R"({"a":2})"));
}

TEST(TestReader, GivesTheSliceItself) {
  const auto reader = make<Reader>(test_reader_operation(), R"({"passthrough_slice":true})");
  EXPECT_THAT(read_slice(*reader, R"({"a":1})")->records, ElementsAre(R"({"a":1})"));
  EXPECT_THAT(read_slice(*reader, R"([{"a":1},{"b":2}])")->records, ElementsAre(R"({"a":1})", R"({"b":2})"));
  EXPECT_FALSE(read_slice(*reader, "{"));
}

TEST(TestReader, BadFilesAreNamed) {
  const auto entry = test_reader_operation();
  for (const auto& path :
       {std::string("/nowhere/at-all"), write_file("broken.json", "[1,"), write_file("object.json", "{}")}) {
    const auto ready = entry.make()->initialize({{.options = {{"fetcher_data_file_path", path}}}, JobSpec(), 0, "w"});
    ASSERT_FALSE(ready) << path;
    EXPECT_THAT(ready.error().message, HasSubstr(path));
  }
}

std::string dated(WallMs time, bool with_offset) {
  char text[kLongestDate];
  return {text, write_date(text, time, with_offset)};
}

TEST(DateText, ReadsWhatPeopleWrite) {
  EXPECT_EQ(*parse_date("1970-01-01"), 0);
  EXPECT_EQ(*parse_date("2026-01-19T13:48:08.426Z"), 1768830488426);
  EXPECT_EQ(*parse_date("2026-01-19T13:48:08.426-07:00"), 1768830488426 + 7 * 3'600'000);
  EXPECT_EQ(*parse_date("2026-01-19 13:48+0130"), 1768830480000 - 90 * 60'000);
  EXPECT_EQ(*parse_date("1969-12-31T23:59:59.5"), -500);
  for (const auto* bad : {"", "2026", "2026-13-01", "2026-02-30", "2026-01-01T", "2026-01-01T25:00",
                          "2026-01-01T10:00:00.Z", "2026-01-01x", "2026-01-01T10:00:00+1", "01/02/2026"}) {
    EXPECT_FALSE(parse_date(bad)) << bad;
  }
}

TEST(DateText, WritesWhatItReads) {
  EXPECT_EQ(dated(1768830488426, false), "2026-01-19T13:48:08.426Z");
  EXPECT_EQ(dated(1768830488426, true), "2026-01-19T13:48:08.426+00:00");
  EXPECT_EQ(dated(-1, false), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(dated(951782400000, false), "2000-02-29T00:00:00.000Z");
  for (WallMs time = -5'000'000'000'000; time < 5'000'000'000'000; time += 123'456'789'012) {
    EXPECT_EQ(*parse_date(dated(time, false)), time);
    EXPECT_EQ(*parse_date(dated(time, true)), time);
    EXPECT_EQ(dated(time, false), to_iso(time));
  }
}

}  // namespace
}  // namespace slicemill
