#include "operations/processors/selection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/operations/operation_run.h"

namespace slicemill {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string select(const std::string& options, const std::string& record) {
  ProcessorRun run(selection_operation(), options);
  return run.one(record);
}

constexpr auto kRecord =
    R"({ "id" : 7 , "http":{"status": 404,"verb":"GET","h":{"x":[1, 2]}},"tags":["a","b"],"none":null,"s":"a\"b"})";

TEST(Selection, ListsKeepOrderAndNesting) {
  EXPECT_EQ(select(R"({"fields":["s","id"]})", kRecord), R"({"s":"a\"b","id":7})");
  EXPECT_EQ(select(R"({"fields":["http.status","id","http.h"]})", kRecord),
            R"({"http":{"status":404,"h":{"x":[1, 2]}},"id":7})");
  EXPECT_EQ(select(R"({"fields":["tags","none"]})", kRecord), R"({"tags":["a","b"],"none":null})");
  EXPECT_EQ(select(R"({"fields":["http.h.x"]})", kRecord), R"({"http":{"h":{"x":[1, 2]}}})");
}

TEST(Selection, MissingFieldsAreLeftOut) {
  EXPECT_EQ(select(R"({"fields":["x","id","http.nope"]})", kRecord), R"({"id":7})");
  EXPECT_EQ(select(R"({"fields":["x"]})", kRecord), "{}");
  EXPECT_EQ(select(R"({"fields":["id.x","tags.y","s"]})", kRecord), R"({"tags":[],"s":"a\"b"})");
  EXPECT_EQ(select(R"({"fields":["a"]})", "{}"), "{}");
}

TEST(Selection, AListMayNameAFieldAndOneWithinIt) {
  EXPECT_EQ(select(R"({"fields":["http.status","http","id"]})", R"({"id":1,"http":{"status":2,"x":3}})"),
            R"({"http":{"status":2,"x":3},"id":1})");
}

TEST(Selection, ObjectsRenameAndFlatten) {
  EXPECT_EQ(select(R"({"fields":{"status":"http.status","n.m":"id","again":"id"}})", kRecord),
            R"({"status":404,"n.m":7,"again":7})");
  EXPECT_EQ(select(R"({"fields":{"all":"http","one":"http.verb"}})", R"({"http":{"verb":"GET","z":{"q":1}} ,"y":2})"),
            R"({"all":{"verb":"GET","z":{"q":1}},"one":"GET"})");
  EXPECT_EQ(select(R"({"fields":{"all":"http","one":"http.verb","y":"y"}})", R"({"http":[5] ,"y":2})"),
            R"({"all":[5],"y":2})");
  EXPECT_EQ(select(R"({"fields":{"all":"http","one":"http.verb","y":"y"}})", R"({"http":{"verb":1},"y":2})"),
            R"({"all":{"verb":1},"one":1,"y":2})");
}

TEST(Selection, OrderOfTheInputDoesNotMatter) {
  ProcessorRun run(selection_operation(), R"({"fields":["a","b","c"]})");
  EXPECT_THAT(run({R"({"c":3,"b":2,"a":1})", R"({"a":1,"b":2,"c":3})", R"({"b":2,"a":1,"b":9,"c":3})"}),
              ElementsAre(R"({"a":1,"b":2,"c":3})", R"({"a":1,"b":2,"c":3})", R"({"a":1,"b":9,"c":3})"));
}

TEST(Selection, OfRepeatedObjectsTheLastCounts) {
  EXPECT_EQ(select(R"({"fields":["h.a","z"]})", R"({"h":{"a":1},"h":{"a":2},"z":3})"), R"({"h":{"a":2},"z":3})");
}

TEST(Selection, Casts) {
  EXPECT_EQ(select(R"({"fields":["id","http.status","s"],"casts":{"id":"string","http.status":"number"}})", kRecord),
            R"({"id":"7","http":{"status":404},"s":"a\"b"})");
  EXPECT_EQ(select(R"({"fields":{"n":"x"},"casts":{"n":"integer"}})", R"({"x":"12.75"})"), R"({"n":12})");
  ProcessorRun failing(selection_operation(), R"({"fields":["s"],"casts":{"s":"number"}})");
  EXPECT_EQ(failing.error(R"({"s":"abc"})").message, R"(s: cannot make a number of "abc", in {"s":"abc"})");
  ProcessorRun dropping(selection_operation(),
                        R"({"fields":["s"],"casts":{"s":"number"},"_dead_letter_action":"none"})");
  EXPECT_THAT(dropping({R"({"s":"abc"})", R"({"s":"5"})"}), ElementsAre(R"({"s":5})"));
}

TEST(Selection, BrokenRecordsAreNamed) {
  ProcessorRun run(selection_operation(), R"({"fields":["a","b"]})");
  EXPECT_THAT(run.error("[]").message, HasSubstr("an array, not a JSON object"));
  for (const auto* bad : {"", "{\"a\":1", "{\"a\":1 \"b\":2}", "{\"c\":1,,}"}) {
    EXPECT_THAT(run.error(bad).message, HasSubstr("not a good JSON object")) << bad;
  }
}

TEST(Selection, OptionsAreChecked) {
  EXPECT_THAT(problem(selection_operation(), R"({"fields":[]})"), HasSubstr("fields: must name at least one"));
  EXPECT_THAT(problem(selection_operation(), R"({"fields":"a"})"), HasSubstr("fields: must be a list"));
  EXPECT_THAT(problem(selection_operation(), R"({"fields":[1]})"), HasSubstr("fields: every item"));
  EXPECT_THAT(problem(selection_operation(), R"({"fields":["a","b","a"]})"), HasSubstr("fields: \"a\" is named twice"));
  EXPECT_THAT(problem(selection_operation(), R"({"fields":["a..b"]})"), HasSubstr("fields: the field path"));
  EXPECT_THAT(problem(selection_operation(), R"({"fields":{"a":5}})"), HasSubstr("fields.a: must be the path"));
  EXPECT_THAT(problem(selection_operation(), R"({"fields":["a"],"casts":{"b":"number"}})"),
              HasSubstr("casts.b: is not one of the fields"));
  EXPECT_THAT(problem(selection_operation(), R"({"fields":["a"],"casts":{"a":"date"}})"),
              HasSubstr("casts.a: must be string"));
}

}  // namespace
}  // namespace slicemill
