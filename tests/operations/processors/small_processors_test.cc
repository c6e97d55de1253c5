#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>

#include "operations/processors/delay.h"
#include "operations/processors/field_edits.h"
#include "operations/processors/noop.h"
#include "operations/processors/selection.h"
#include "operations/processors/stdout.h"
#include "tests/operations/operation_run.h"

namespace slicemill {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(SetField, SetsAnyJsonAndKeepsWhatIsThereByDefault) {
  ProcessorRun run(set_field_operation(), R"({"field":"a.b","value":{"x":[1]}})");
  EXPECT_THAT(run({R"({"z":1})", R"({"a":{"b":null}})"}),
              ElementsAre(R"({"z":1,"a":{"b":{"x":[1]}}})", R"({"a":{"b":null}})"));
  ProcessorRun overwriting(set_field_operation(), R"({"field":"a","value":null,"overwrite":true})");
  EXPECT_THAT(overwriting({R"({"a":5,"b":6})"}), ElementsAre(R"({"a":null,"b":6})"));
}

TEST(SetField, BlockedPathsAreErrorsOfTheRecord) {
  ProcessorRun failing(set_field_operation(), R"({"field":"a.b","value":1})");
  EXPECT_THAT(failing.error(R"({"a":5})").message, HasSubstr(R"("a" is not an object)"));
  ProcessorRun dropping(set_field_operation(), R"({"field":"a.b","value":1,"_dead_letter_action":"none"})");
  EXPECT_THAT(dropping({R"({"a":5})", R"({})"}), ElementsAre(R"({"a":{"b":1}})"));
}

TEST(DropField, Drops) {
  ProcessorRun run(drop_field_operation(), R"({"field":"a"})");
  EXPECT_THAT(run({R"({"a":1,"b":2})", R"({"b":2})", R"({"a":[{}]})"}), ElementsAre(R"({"b":2})", R"({"b":2})", "{}"));
  EXPECT_THAT(run.error("{").message, HasSubstr("not a good JSON object"));
}

TEST(DropProperty, IsDropFieldByAnotherName) {
  ProcessorRun run(drop_property_operation(), R"({"property":"userAgent"})");
  EXPECT_THAT(run({R"({"userAgent":"x","b":2})", R"({"b":2})"}), ElementsAre(R"({"b":2})", R"({"b":2})"));
  EXPECT_THAT(problem(drop_property_operation(), R"({"property":"a..b"})"), HasSubstr("property"));
}

TEST(CopyField, CopiesReplacesAndMoves) {
  ProcessorRun run(copy_field_operation(), R"({"source":"a.b","destination":"c"})");
  EXPECT_THAT(run({R"({"a":{"b":[1]}})", R"({"a":{"b":2},"c":3})", R"({"c":3})"}),
              ElementsAre(R"({"a":{"b":[1]},"c":[1]})", R"({"a":{"b":2},"c":2})", R"({"c":3})"));
  ProcessorRun moving(copy_field_operation(), R"({"source":"a","destination":"a.b","delete_source":true})");
  EXPECT_THAT(moving({R"({"a":1,"z":2})"}), ElementsAre(R"({"z":2,"a":{"b":1}})"));
}

TEST(FieldEdits, OptionsAreChecked) {
  EXPECT_THAT(problem(set_field_operation(), R"({"field":"a"})"), HasSubstr("value: is required"));
  EXPECT_THAT(problem(set_field_operation(), R"({"field":".","value":1})"), HasSubstr("field: the field path"));
  EXPECT_THAT(problem(drop_field_operation(), R"({})"), HasSubstr("field: is required"));
  EXPECT_THAT(problem(copy_field_operation(), R"({"source":"a","destination":"b."})"),
              HasSubstr("destination: the field path"));
}

TEST(Noop, PassesRecordsOnEvenIfTheyAreNoJson) {
  ProcessorRun run(noop_operation(), "{}");
  EXPECT_THAT(run({"{", ""}), ElementsAre("{", ""));
}

TEST(Delay, WaitsOncePerSlice) {
  const auto delay = make<Processor>(delay_operation(), R"({"ms":20})");
  const auto start = std::chrono::steady_clock::now();
  ASSERT_TRUE(delay->begin({}));
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(20));
  EXPECT_THAT(problem(delay_operation(), R"({"ms":-1})"), HasSubstr("ms: must be"));
}

// What the process writes to descriptor 1 while the object lives.
class CapturedStdout {
 public:
  CapturedStdout() {
    if (::pipe(pipe_) != 0) ADD_FAILURE();
    saved_ = ::dup(STDOUT_FILENO);
    ::dup2(pipe_[1], STDOUT_FILENO);
    ::close(pipe_[1]);
  }
  ~CapturedStdout() { ::close(pipe_[0]); }
  std::string finish() {
    ::dup2(saved_, STDOUT_FILENO);
    ::close(saved_);
    std::string text(1 << 16, '\0');
    text.resize(static_cast<std::size_t>(std::max<ssize_t>(0, ::read(pipe_[0], text.data(), text.size()))));
    return text;
  }

 private:
  int pipe_[2] = {-1, -1};
  int saved_ = -1;
};

TEST(Stdout, WritesLinesUpToTheLimitOfTheSlice) {
  const auto all = make<Processor>(stdout_operation(), "{}");
  const auto two = make<Processor>(stdout_operation(), R"({"limit":2})");
  RecordBatch batch;
  batch.append_copy("a");
  batch.append_copy("b");
  batch.append_copy("c");
  RecordBatch single;
  single.append_copy("d");
  CapturedStdout captured;
  for (int slice = 0; slice < 2; ++slice) {
    EXPECT_TRUE(two->begin({}));
    EXPECT_TRUE(two->process(single));
    EXPECT_TRUE(two->process(batch));
    EXPECT_TRUE(two->process(batch));
  }
  EXPECT_TRUE(all->begin({}));
  EXPECT_TRUE(all->process(batch));
  EXPECT_EQ(captured.finish(), "d\na\nd\na\na\nb\nc\n");
  EXPECT_EQ(batch.records.size(), 3U);
}

TEST(Stdout, PromisesAtLeastOnce) {
  EXPECT_EQ(stdout_operation().schema.commit, CommitClass::at_least_once);
  EXPECT_FALSE(stdout_operation().schema.repeatable);
}

std::vector<std::string> columns_behind(const OperationEntry& entry, const std::string& options) {
  std::vector<std::string> columns = {"id", "name", "city"};
  make<Processor>(entry, options)->change_columns(columns);
  return columns;
}

TEST(SmallProcessors, KnowWhatBecomesOfTheColumnsOfATable) {
  const auto all = ElementsAre("id", "name", "city");
  EXPECT_THAT(columns_behind(noop_operation(), "{}"), all);
  EXPECT_THAT(columns_behind(set_field_operation(), R"({"field":"x","value":1})"), all);
  EXPECT_THAT(columns_behind(drop_field_operation(), R"({"field":"name"})"), ElementsAre("id", "city"));
  EXPECT_THAT(columns_behind(drop_field_operation(), R"({"field":"name.first"})"), all);
  EXPECT_THAT(columns_behind(copy_field_operation(), R"({"source":"id","destination":"key"})"),
              ElementsAre("id", "name", "city", "key"));
  EXPECT_THAT(columns_behind(copy_field_operation(), R"({"source":"id","destination":"city","delete_source":true})"),
              ElementsAre("name", "city"));
  EXPECT_THAT(columns_behind(copy_field_operation(), R"({"source":"x","destination":"key"})"), all);
  EXPECT_THAT(columns_behind(selection_operation(), R"({"fields":["city","x","id"]})"), ElementsAre("city", "id"));
  EXPECT_THAT(columns_behind(selection_operation(), R"({"fields":{"key":"id","place":"city.name"}})"),
              ElementsAre("key"));
}

}  // namespace
}  // namespace slicemill
