#include "operations/processors/filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/operations/operation_run.h"

namespace slicemill {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

bool keeps(const std::string& options, const std::string& record) {
  ProcessorRun run(filter_operation(), options);
  return !run({record}).empty();
}

TEST(Filter, KeepsRecordsAsTheyAre) {
  ProcessorRun run(filter_operation(), R"({"field":"http.status","min":400})");
  EXPECT_THAT(run({R"({"http":{"status":404}, "x" : 1})", R"({"http":{"status":200}})", R"({"http":{}})",
                   R"({"http":5})", R"({"z":1})", R"({"a":[{"status":500}],"http":{"verb":"GET","status":400.0}})"}),
              ElementsAre(R"({"http":{"status":404}, "x" : 1})",
                          R"({"a":[{"status":500}],"http":{"verb":"GET","status":400.0}})"));
}

TEST(Filter, ValueToldApartByType) {
  EXPECT_TRUE(keeps(R"({"field":"a","value":1})", R"({"a":1})"));
  EXPECT_TRUE(keeps(R"({"field":"a","value":1})", R"({"a":1.0})"));
  EXPECT_TRUE(keeps(R"({"field":"a","value":1.5})", R"({"a":15e-1})"));
  EXPECT_FALSE(keeps(R"({"field":"a","value":1})", R"({"a":"1"})"));
  EXPECT_FALSE(keeps(R"({"field":"a","value":1})", R"({"a":true})"));
  EXPECT_TRUE(keeps(R"({"field":"a","value":"é\n"})", R"({"a":"\u00e9\n"})"));
  EXPECT_FALSE(keeps(R"({"field":"a","value":"x"})", R"({"a":"xy"})"));
  EXPECT_TRUE(keeps(R"({"field":"a","value":true})", R"({"a":true})"));
  EXPECT_FALSE(keeps(R"({"field":"a","value":true})", R"({"a":false})"));
  EXPECT_TRUE(keeps(R"({"field":"a","value":null})", R"({"a":null})"));
  EXPECT_FALSE(keeps(R"({"field":"a","value":null})", R"({"b":null})"));
  EXPECT_FALSE(keeps(R"({"field":"a","value":null})", R"({"a":{}})"));
}

TEST(Filter, LargeIntegersAreComparedExactly) {
  EXPECT_TRUE(keeps(R"({"field":"a","value":9007199254740993})", R"({"a":9007199254740993})"));
  EXPECT_FALSE(keeps(R"({"field":"a","value":9007199254740993})", R"({"a":9007199254740992})"));
  EXPECT_TRUE(keeps(R"({"field":"a","min":18446744073709551615})", R"({"a":18446744073709551615})"));
  EXPECT_FALSE(keeps(R"({"field":"a","min":0})", R"({"a":-9223372036854775808})"));
}

TEST(Filter, RangesAreInclusive) {
  const std::string both = R"({"field":"a","min":2,"max":4})";
  EXPECT_FALSE(keeps(both, R"({"a":1.99})"));
  EXPECT_TRUE(keeps(both, R"({"a":2})"));
  EXPECT_TRUE(keeps(both, R"({"a":4})"));
  EXPECT_FALSE(keeps(both, R"({"a":4.01})"));
  EXPECT_FALSE(keeps(both, R"({"a":"3"})"));
  EXPECT_TRUE(keeps(R"({"field":"a","max":4})", R"({"a":-100})"));
  const std::string dates = R"({"field":"a","min":"2026-01-01","max":"2026-02"})";
  EXPECT_TRUE(keeps(dates, R"({"a":"2026-01-31T10:00:00Z"})"));
  EXPECT_FALSE(keeps(dates, R"({"a":"2026-02-01"})"));
  EXPECT_FALSE(keeps(dates, R"({"a":2026})"));
}

TEST(Filter, RegexSearchesTextsNumbersAndBooleans) {
  EXPECT_TRUE(keeps(R"({"field":"a","regex":"b+c"})", R"({"a":"xbbcx"})"));
  EXPECT_FALSE(keeps(R"({"field":"a","regex":"^b+c"})", R"({"a":"xbbcx"})"));
  EXPECT_TRUE(keeps(R"({"field":"a","regex":"^4\\d\\d$"})", R"({"a": 404 ,"b":1})"));
  EXPECT_TRUE(keeps(R"({"field":"a","regex":"^true$"})", R"({"a":true})"));
  EXPECT_FALSE(keeps(R"({"field":"a","regex":"."})", R"({"a":null})"));
  EXPECT_FALSE(keeps(R"({"field":"a","regex":"."})", R"({"a":{"b":"c"}})"));
}

TEST(Filter, RegexLooksAtCharactersAndWholeTexts) {
  EXPECT_FALSE(keeps(R"({"field":"a","regex":"^OK$"})", R"({"a":"FAILED\nOK"})"));
  EXPECT_TRUE(keeps(R"({"field":"a","regex":"(?m)^OK$"})", R"({"a":"FAILED\nOK"})"));
  EXPECT_FALSE(keeps(R"({"field":"a","regex":"a.b"})", R"({"a":"a\nb"})"));
  EXPECT_TRUE(keeps(R"({"field":"a","regex":"a(?s:.)b"})", R"({"a":"a\nb"})"));
  EXPECT_TRUE(keeps(R"({"field":"a","regex":"^Zo.$"})", R"({"a":"Zoé"})"));
  EXPECT_TRUE(keeps(R"({"field":"a","regex":"^Zo[éè]$"})", R"({"a":"Zo\u00e9"})"));
  EXPECT_TRUE(keeps(R"({"field":"a","regex":"(?i)^É$"})", R"({"a":"é"})"));
  EXPECT_TRUE(keeps(R"({"field":"a","regex":"^cut .$"})", R"({"a":"cut \ud83d"})"));
  EXPECT_THAT(problem(filter_operation(), R"x({"field":"a","regex":"a(?=b)"})x"), HasSubstr("look-around"));
}

// No pattern takes for ever, on no text.
TEST(Filter, RegexTakesLinearTime) {
  EXPECT_FALSE(keeps(R"({"field":"a","regex":"^(a+)+$"})", R"({"a":")" + std::string(100'000, 'a') + "b\"}"));
}

TEST(Filter, NumbersOfAnyLengthAreComparedAsDecimals) {
  EXPECT_FALSE(keeps(R"({"field":"a","value":9007199254740993})", R"({"a":9007199254740992.0})"));
  EXPECT_FALSE(keeps(R"({"field":"a","min":9007199254740993})", R"({"a":9007199254740992.5})"));
  EXPECT_FALSE(keeps(R"({"field":"a","value":0.1})", R"({"a":0.10000000000000000001})"));
  EXPECT_TRUE(keeps(R"({"field":"a","value":0.1})", R"({"a":0.10})"));
  EXPECT_TRUE(keeps(R"({"field":"a","min":1})", R"({"a":1e400})"));
  EXPECT_TRUE(keeps(R"({"field":"a","min":0})", R"({"a":1e-400})"));
  EXPECT_FALSE(keeps(R"({"field":"a","max":18446744073709551615})", R"({"a":18446744073709551616})"));
}

TEST(Filter, DatesAreComparedAsMoments) {
  const std::string from = R"({"field":"a","min":"2024-01-01T00:00:00Z"})";
  EXPECT_TRUE(keeps(from, R"({"a":"2024-01-01T00:00:00.500Z"})"));
  EXPECT_FALSE(keeps(from, R"({"a":"2024-01-01T01:30:00+02:00"})"));
  EXPECT_TRUE(keeps(from, R"({"a":"some text"})")) << "other texts byte by byte";
  EXPECT_TRUE(keeps(R"({"field":"a","max":"2024-01-01"})", R"({"a":"2024-01-01T00:00:00+00:00"})"));
}

TEST(Filter, FindsFieldsWhateverTheyAreWrittenLike) {
  EXPECT_TRUE(keeps(R"({"field":"prénom","value":"Zoé"})", R"({"pr\u00e9nom":"Zo\u00e9"})"));
  EXPECT_TRUE(keeps(R"({"field":"user.name","value":1})", R"({"user.name":1})"));
  EXPECT_FALSE(keeps(R"({"field":"k","value":1})", R"({"k":1,"k":2})"));
  EXPECT_TRUE(keeps(R"({"field":"items.n","value":2})", R"({"items":[{"n":1},{"n":2}]})"));
  EXPECT_FALSE(keeps(R"({"field":"items.0.n","value":2})", R"({"items":[{"n":1},{"n":2}]})"));
}

std::vector<Remark> remarks_of(const OperationEntry& entry, const std::string& options,
                               const std::vector<std::string>& records) {
  RecordRemarks remarks;
  const auto operation = entry.make();
  OperationContext context{spec_of(entry, Json::parse(options)), JobSpec(), 1, "worker"};
  context.remarks = &remarks;
  EXPECT_TRUE(operation->initialize(context));
  RecordBatch batch;
  for (const auto& record : records) batch.append_copy(record);
  EXPECT_TRUE(dynamic_cast<Processor&>(*operation).process(batch));
  EXPECT_EQ(remarks.has_changes(), !records.empty());
  auto made = remarks.take();
  EXPECT_FALSE(remarks.has_changes());
  return made;
}

TEST(Filter, RemarksOnWhatNoRecordHas) {
  const auto entry = filter_operation();
  EXPECT_THAT(remarks_of(entry, R"({"field":"a","min":5})", {R"({"b":1})"}),
              ElementsAre(Remark{"operations[1] filter: \"a\" was in no record", false}));
  EXPECT_THAT(
      remarks_of(entry, R"({"field":"a","min":5})", {R"({"a":"7"})"}),
      ElementsAre(
          Remark{"operations[1] filter: \"a\" was in no record", true},
          Remark{"operations[1] filter: min 5: every value of \"a\" is of another type, none is a number", false}));
  EXPECT_THAT(
      remarks_of(entry, R"({"field":"a","min":5})", {R"({"a":"7"})", R"({"a":1})"}),
      ElementsAre(
          Remark{"operations[1] filter: \"a\" was in no record", true},
          Remark{"operations[1] filter: min 5: every value of \"a\" is of another type, none is a number", true}));
  EXPECT_THAT(remarks_of(entry, R"({"field":"a","min":5})", {}), IsEmpty());
}

TEST(Filter, KnowsThatCsvMakesTexts) {
  const auto entry = filter_operation();
  const Json csv = {{"_op", "file_reader"}, {"format", "csv"}};
  const Json number = {{"_op", "filter"}, {"field", "n"}, {"min", 10}};
  const auto warned = [&](const std::vector<Json>& before, const Json& options) {
    std::vector<OperationSpec> specs;
    for (const Json& operation : before) specs.push_back(operation_spec_of_v0(operation));
    return entry.schema.check_place(options, specs).has_value();
  };
  EXPECT_TRUE(warned({csv}, number));
  EXPECT_TRUE(warned({csv, {{"_op", "selection"}, {"fields", {{"n", "m"}}}}}, number));
  EXPECT_FALSE(warned({csv, {{"_op", "selection"}, {"fields", {"n"}}, {"casts", {{"n", "integer"}}}}}, number));
  EXPECT_FALSE(warned({csv, {{"_op", "set_field"}, {"field", "n"}, {"value", 1}}}, number));
  EXPECT_FALSE(warned({csv, {{"_op", "script"}}}, number));
  EXPECT_FALSE(warned({csv}, {{"_op", "filter"}, {"field", "n"}, {"min", "2024-01-01"}}));
  EXPECT_TRUE(warned({}, {{"_op", "filter"}, {"field", "n"}, {"min", "10"}})) << "9 would be above it";
  EXPECT_FALSE(warned({{{"_op", "file_reader"}, {"format", "ldjson"}}}, number));
}

TEST(Filter, InvertKeepsTheOthersAndRecordsWithoutTheField) {
  ProcessorRun run(filter_operation(), R"({"field":"a","value":1,"invert":true})");
  EXPECT_THAT(run({R"({"a":1})", R"({"a":2})", R"({})"}), ElementsAre(R"({"a":2})", R"({})"));
}

TEST(Filter, BrokenRecordsFailOrAreDropped) {
  const std::string broken = R"({"b":1,"a":)";
  ProcessorRun failing(filter_operation(), R"({"field":"a","value":1})");
  const auto error = failing.error(broken);
  EXPECT_EQ(error.code, ErrorCode::invalid);
  EXPECT_FALSE(error.retryable);
  EXPECT_THAT(error.message, HasSubstr(", in " + broken));
  EXPECT_THAT(failing.error("").message, HasSubstr("not a good JSON object"));
  EXPECT_THAT(failing.error("[1,2]").message, HasSubstr("an array, not a JSON object"));
  EXPECT_THAT(failing.error(R"({"a":1e99999999999999999999})").message, HasSubstr("cannot be compared"));

  ProcessorRun dropping(filter_operation(), R"({"field":"a","value":1,"_dead_letter_action":"none"})");
  EXPECT_THAT(dropping({broken, R"({"a":1})", "[1]"}), ElementsAre(R"({"a":1})"));
  EXPECT_THAT(dropping({}), IsEmpty());
}

TEST(Filter, OptionsAreChecked) {
  EXPECT_EQ(problem(filter_operation(), R"({"field":"a","value":1})"), "");
  EXPECT_THAT(problem(filter_operation(), R"({"value":1})"), HasSubstr("field: is required"));
  EXPECT_THAT(problem(filter_operation(), R"({"field":"a"})"), HasSubstr("exactly one of"));
  EXPECT_THAT(problem(filter_operation(), R"({"field":"a","value":1,"min":2})"), HasSubstr("exactly one of"));
  EXPECT_THAT(problem(filter_operation(), R"({"field":"a","value":[1]})"), HasSubstr("value: must be a text"));
  EXPECT_THAT(problem(filter_operation(), R"({"field":"a","regex":"(a"})"), HasSubstr("regex: "));
  EXPECT_THAT(problem(filter_operation(), R"({"field":"a","min":1,"max":"2"})"),
              HasSubstr("max: must be of the same type"));
  EXPECT_THAT(problem(filter_operation(), R"({"field":"a","min":true})"), HasSubstr("min: must be a number or a text"));
  EXPECT_THAT(problem(filter_operation(), R"({"field":"a..b","value":1})"), HasSubstr("field: the field path"));
}

}  // namespace
}  // namespace slicemill
