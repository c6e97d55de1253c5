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

// A pattern that would take for ever, on a text of a length that breaks recursive matchers.
TEST(Filter, RegexThatGivesUpIsAnErrorOfTheRecord) {
  ProcessorRun run(filter_operation(), R"({"field":"a","regex":"^(a+)+$"})");
  EXPECT_THAT(run.error(R"({"a":")" + std::string(100'000, 'a') + "b\"}").message, HasSubstr("regex: "));
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
  EXPECT_THAT(failing.error("[1,2]").message, HasSubstr("not a good JSON object"));
  EXPECT_THAT(failing.error(R"({"a":1e999})").message, HasSubstr("not a good JSON object"));

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
