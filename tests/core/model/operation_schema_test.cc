#include "core/model/operation_schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace slicemill {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

ValidatedOptions validate(OptionSpec spec, const Json& value) {
  spec.name = "x";
  return validate_against({spec}, Json::object({{"x", value}}));
}

std::string issue(const OptionSpec& spec, const Json& value) {
  const auto result = validate(spec, value);
  return result.issues.empty() ? "" : result.issues.front().message;
}

TEST(OptionCoercion, IntegersComeFromTextAndFloats) {
  const OptionSpec spec{.type = OptionType::integer, .minimum = 1};
  EXPECT_EQ(validate(spec, "42").options["x"], 42);
  EXPECT_EQ(validate(spec, 7.9).options["x"].dump(), "7");
  for (const Json& bad : {Json("4 2"), Json(""), Json(0), Json(-1), Json(0.5), Json(true), Json(1e300),
                          Json(UINT64_MAX), Json::array()}) {
    EXPECT_EQ(issue(spec, bad), "must be valid integer greater than zero") << bad;
  }
  EXPECT_EQ(issue({.type = OptionType::integer, .minimum = 0}, -1), "must be a valid integer, zero or greater");
}

TEST(OptionCoercion, BooleansHaveEightForms) {
  const OptionSpec spec{.type = OptionType::boolean};
  for (const Json& yes : {Json(true), Json("true"), Json(1), Json("1")})
    EXPECT_EQ(validate(spec, yes).options["x"], Json(true)) << yes;
  for (const Json& no : {Json(false), Json("false"), Json(0), Json("0")})
    EXPECT_EQ(validate(spec, no).options["x"], Json(false)) << no;
  for (const Json& bad : {Json("yes"), Json(2), Json::object()})
    EXPECT_THAT(issue(spec, bad), HasSubstr("expected boolean")) << bad;
}

TEST(OptionCoercion, NumbersKeepTheirBounds) {
  const OptionSpec spec{.type = OptionType::number, .minimum = 0, .maximum = 1};
  EXPECT_EQ(validate(spec, "0.25").options["x"], 0.25);
  EXPECT_THAT(issue(spec, 1.5), HasSubstr("at most 1"));
  EXPECT_THAT(issue(spec, -0.5), HasSubstr("at least 0"));
  EXPECT_EQ(issue(spec, "a"), "expected number, received string");
}

TEST(OptionCoercion, TextIsNotEmptyAndChoicesAreNamed) {
  EXPECT_THAT(issue({.type = OptionType::text}, ""), HasSubstr("a text is required"));
  EXPECT_THAT(issue({.type = OptionType::text}, 5), HasSubstr("received number"));
  EXPECT_EQ(issue({.type = OptionType::text, .allow_empty = true}, ""), "");
  const OptionSpec choice{.type = OptionType::text, .choices = {"once", "persistent"}};
  EXPECT_THAT(issue(choice, "persistant"),
              HasSubstr(R"(expected one of "once"|"persistent" (did you mean "persistent"?))"));
  EXPECT_THAT(issue(choice, 5), HasSubstr(R"(expected one of "once"|"persistent")"));
}

TEST(OptionCoercion, ListsTakeOneTextAndNumbers) {
  const OptionSpec spec{.type = OptionType::text_list};
  EXPECT_EQ(validate(spec, "a").options["x"], Json::array({"a"}));
  EXPECT_EQ(validate(spec, Json::array({"a", 1.5})).options["x"], Json::array({"a", "1.5"}));
  EXPECT_THAT(issue(spec, Json::array({"a", ""})), HasSubstr("item 1 is empty"));
  EXPECT_THAT(issue(spec, Json::array({nullptr})), HasSubstr("item 0 is null"));
  EXPECT_THAT(issue(spec, 5), HasSubstr("array of strings"));
}

TEST(OptionCoercion, BytesAndDurationsAreNormalised) {
  EXPECT_EQ(validate({.type = OptionType::bytes}, "10MB").options["x"], 10'000'000);
  EXPECT_EQ(validate({.type = OptionType::bytes}, 512).options["x"], 512);
  EXPECT_NE(issue({.type = OptionType::bytes}, "ten"), "");
  EXPECT_EQ(validate({.type = OptionType::duration_ms}, "5 minutes").options["x"], 300'000);
  EXPECT_NE(issue({.type = OptionType::duration_ms}, "soon"), "");
}

TEST(ValidateAgainst, FillsDefaultsAndTreatsNullAsNotGiven) {
  const std::vector<OptionSpec> specs = {{.name = "a", .type = OptionType::integer, .default_value = 5},
                                         {.name = "b", .type = OptionType::text},
                                         {.name = "c", .type = OptionType::any, .required = true}};
  const auto result = validate_against(specs, Json::parse(R"({"a":null,"b":null,"c":null})"));
  EXPECT_THAT(result.issues, IsEmpty());
  EXPECT_EQ(result.options, Json::parse(R"({"a":5,"c":null})"));  // for `any`, null is a value
  const auto missing = validate_against(specs, Json::object());
  ASSERT_THAT(missing.issues, SizeIs(1));
  EXPECT_THAT(missing.issues[0].path, ElementsAre("c"));
  EXPECT_EQ(missing.issues[0].message, "is required");
}

TEST(ValidateAgainst, KeepsUnknownKeysWithAWarning) {
  const std::vector<OptionSpec> specs = {{.name = "workers", .type = OptionType::integer}};
  const auto result = validate_against(specs, Json::parse(R"({"worker":2,"_private":1,"zzz":0})"));
  EXPECT_EQ(result.options["worker"], 2);
  ASSERT_THAT(result.warnings, SizeIs(2));
  EXPECT_EQ(result.warnings[0],
            (JobWarning{JobWarning::Kind::unknown, "worker",
                        R"(unknown key "worker" is kept but has no effect (did you mean "workers"?))"}));
  EXPECT_EQ(result.warnings[1].field, "zzz");
}

TEST(ValidateAgainst, RefusesWhatIsNoObject) {
  EXPECT_EQ(validate_against({}, Json::array()).issues[0].message, "expected object, received array");
}

OperationSchema sample() {
  OperationSchema schema;
  schema.name = "sample";
  schema.description = "A sample.";
  schema.options = {
      {.name = "size", .type = OptionType::bytes, .description = "How many.", .required = true, .minimum = 1},
      {.name = "mode", .type = OptionType::text, .description = "Which.", .default_value = "a", .choices = {"a", "b"}}};
  schema.check = [](const Json& options) -> Result<void> {
    if (options["size"] == 13) return Error(ErrorCode::invalid, "size: is unlucky");
    return {};
  };
  return schema;
}

TEST(ValidateOptions, RunsTheCheckOnlyOnGoodOptions) {
  EXPECT_THAT(validate_options(sample(), Json::parse(R"({"size":"14"})")).issues, IsEmpty());
  EXPECT_EQ(validate_options(sample(), Json::parse(R"({"size":13})")).issues.at(0).message, "size: is unlucky");
  EXPECT_EQ(validate_options(sample(), Json::object()).issues.at(0).message, "is required");
}

TEST(JsonSchema, SaysTypesDefaultsBoundsAndPromises) {
  EXPECT_EQ(json_schema(sample()), Json::parse(R"({
    "$schema":"https://json-schema.org/draft/2020-12/schema","title":"sample","description":"A sample.","type":"object",
    "properties":{"size":{"type":["integer","string"],"description":"How many.","minimum":1.0},
                  "mode":{"type":"string","enum":["a","b"],"description":"Which.","default":"a"}},
    "required":["size"],"additionalProperties":true,
    "x-kind":"processor","x-delivery":"none","x-commit":"none","x-needs-whole-slice":false,"x-repeatable":true})"));
}

}  // namespace
}  // namespace slicemill
