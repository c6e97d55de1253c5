#include "core/formats/cell_types.h"

#include <gmock/gmock.h>

#include <array>
#include <nlohmann/json.hpp>
#include <string>

#include "core/formats/csv_sample.h"
#include "tests/core/formats/padded.h"

namespace slicemill {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// "no": it does not fit.
std::string written(const ColumnRule& rule, const std::string& text, const NumberStyle& numbers = {}) {
  std::string out(text.size() + kCellGrowth, '\0');
  const char* end = write_cell(rule, numbers, text, out.data());
  return end == nullptr ? "no" : out.substr(0, static_cast<std::size_t>(end - out.data()));
}

std::string as(CellType type, const std::string& text, const NumberStyle& numbers = {}) {
  return written({.type = type}, text, numbers);
}

std::string inferred(CellType type, const std::string& text) {
  return written({.type = type, .is_inferred = true}, text);
}

std::string iso(const std::string& pattern, const std::string& text) {
  const auto parsed = DatePattern::parse(pattern);
  EXPECT_TRUE(parsed) << pattern;
  if (!parsed) return "bad pattern";
  std::array<char, kLongestIsoText> out;
  const char* end = parsed->write_iso(text, out.data());
  return end == nullptr ? "no" : std::string(out.data(), static_cast<std::size_t>(end - out.data()));
}

TEST(CellTypes, NumbersKeepTheirDigits) {
  EXPECT_EQ(as(CellType::decimal, "12.50"), "12.50");
  EXPECT_EQ(as(CellType::decimal, "123456789012345678901234567890.10"), "123456789012345678901234567890.10");
  EXPECT_EQ(as(CellType::decimal, " +7.5\t"), "7.5") << "JSON knows no plus";
  EXPECT_EQ(as(CellType::decimal, "-.5"), "-0.5");
  EXPECT_EQ(as(CellType::decimal, "5."), "5");
  EXPECT_EQ(as(CellType::decimal, "0.50"), "0.50");
  EXPECT_EQ(as(CellType::decimal, "1.5e-3"), "1.5e-3");
  EXPECT_EQ(as(CellType::integer, "-12"), "-12");
  for (const char* wrong :
       {"", ".", "-", "1,5", "1 000", "0x10", "NaN", "inf", "1e", "1e+", "--1", "1.2.3", "5-", "(5)"})
    EXPECT_EQ(as(CellType::decimal, wrong), "no") << wrong;
  for (const char* wrong : {"1.0", "1e3", "one", "007", "00"}) EXPECT_EQ(as(CellType::integer, wrong), "no") << wrong;
  EXPECT_THAT(cell_problem({.type = CellType::integer}, {}, "-007"), HasSubstr("zeros in front would be lost"));
}

TEST(CellTypes, ACommaAndGroupsAreReadWhereTheyAreNamed) {
  const NumberStyle german{',', "."};
  EXPECT_EQ(as(CellType::decimal, "1.234.567,89", german), "1234567.89");
  EXPECT_EQ(as(CellType::decimal, "-1234,5", german), "-1234.5");
  EXPECT_EQ(as(CellType::integer, "1.234", german), "1234");
  for (const char* wrong : {"1.23", "1234.567", "1.2345", ".123", "1,234.5", "1..234"})
    EXPECT_EQ(as(CellType::decimal, wrong, german), "no") << wrong;
  EXPECT_EQ(as(CellType::decimal, "12\u00A0345,6", {',', "\u00A0"}), "12345.6");
  EXPECT_EQ(as(CellType::decimal, "0.001,5", german), "no");
}

TEST(CellTypes, BooleansAreWords) {
  for (const char* text : {"true", "TRUE", "Yes", "1"}) EXPECT_EQ(as(CellType::boolean, text), "true") << text;
  for (const char* text : {"false", "No", "0"}) EXPECT_EQ(as(CellType::boolean, text), "false") << text;
  for (const char* text : {"t", "on", "2", "ja"}) EXPECT_EQ(as(CellType::boolean, text), "no") << text;
}

TEST(CellTypes, DatesOfIsoStayAsTheyAre) {
  EXPECT_EQ(as(CellType::date, "2024-02-29"), "\"2024-02-29\"");
  EXPECT_EQ(as(CellType::date, "2024-02-29 12:30:05.25+02:00"), "\"2024-02-29 12:30:05.25+02:00\"");
  for (const char* wrong : {"2023-02-29", "29.02.2024", "20240229", "noon"}) EXPECT_EQ(as(CellType::date, wrong), "no");
}

TEST(CellTypes, PatternsMakeIsoOfDates) {
  EXPECT_EQ(iso("%d.%m.%Y", "1.2.2024"), "2024-02-01");
  EXPECT_EQ(iso("%m/%d/%y %I:%M %p", "12/31/69 12:05 am"), "1969-12-31T00:05:00");
  EXPECT_EQ(iso("%d/%b/%Y:%T %z", "09/Mar/2024:23:59:60 -0730"), "2024-03-09T23:59:60-07:30");
  EXPECT_EQ(iso("%A, %e %B %Y", "Friday,  1 march 2024"), "2024-03-01");
  EXPECT_EQ(iso("%F %T.%f", "2024-03-01 01:02:03.040"), "2024-03-01T01:02:03.040");
  EXPECT_EQ(iso("%Y%m%d", "20240301"), "2024-03-01");
  EXPECT_EQ(iso("%s", "1700000000"), "2023-11-14T22:13:20Z");
  EXPECT_EQ(iso("%s", "-1"), "1969-12-31T23:59:59Z");
  EXPECT_EQ(iso("%d.%m.%Y %%", "1.2.2024 %"), "2024-02-01");
  for (const char* wrong : {"31.4.2024", "0.1.2024", "1.13.2024", "1.2.24", "1.2.2024 ", "1.2.2024x", ""})
    EXPECT_EQ(iso("%d.%m.%Y", wrong), "no") << wrong;
  EXPECT_EQ(iso("%F %H:%M", "2024-01-01 24:00"), "no");
  EXPECT_EQ(iso("%F %I %p", "2024-01-01 13 PM"), "no");
  for (const char* bad : {"%d.%m", "%Q", "%Y-%m-%d %Y", "%Y-%m-%d %I", "%Y-%m-%d %M", "%Y-%m-%", ""})
    EXPECT_FALSE(DatePattern::parse(bad)) << bad;
}

// What inference takes for a type comes back from csv as it was, and no reader of JSON takes it for another value.
TEST(CellTypes, InferredTypesChangeNothing) {
  EXPECT_EQ(inferred(CellType::integer, "12"), "12");
  EXPECT_EQ(inferred(CellType::decimal, "-0.50"), "-0.50");
  EXPECT_EQ(inferred(CellType::boolean, "TRUE"), "true");
  for (const char* text : {"007", "+5", " 5", "12E5", "9007199254740993", ".5", "5."}) {
    EXPECT_EQ(inferred(CellType::integer, text), "no") << text;
    EXPECT_EQ(inferred(CellType::decimal, text), "no") << text;
  }
  for (const char* text : {"yes", "1", "0"}) EXPECT_EQ(inferred(CellType::boolean, text), "no") << text;
}

std::string option_problem(const Json& options) {
  const auto rules = cell_rules(options);
  return rules ? "" : rules.error().message;
}

TEST(CellTypes, OptionsAreChecked) {
  EXPECT_EQ(option_problem({{"types", "infer"}}), "");
  EXPECT_EQ(
      option_problem({{"types", {{"*", "infer"}, {"zip", "text"}, {"at", {{"type", "date"}, {"format", "%F"}}}}}}), "");
  EXPECT_THAT(option_problem({{"types", {{"a", "money"}}}}), StartsWith("types.a: \"money\" is no type"));
  EXPECT_THAT(option_problem({{"types", 5}}), StartsWith("types: must be a type"));
  EXPECT_THAT(option_problem({{"types", {{"a", {{"type", "decimal"}, {"format", "%F"}}}}}}),
              HasSubstr("for dates only"));
  EXPECT_THAT(option_problem({{"types", {{"a", {{"type", "date"}, {"format", "%d"}}}}}}),
              StartsWith("types.a: the date format \"%d\" does not say year"));
  EXPECT_THAT(option_problem({{"types", "infer"}, {"decimal_separator", ";"}}), StartsWith("decimal_separator: "));
  EXPECT_THAT(option_problem({{"types", "infer"}, {"thousands_separator", "."}}), StartsWith("thousands_separator: "));
  EXPECT_THAT(option_problem({{"date_format", "%F"}}), StartsWith("date_format: "));
}

InferredTypes types_of(const std::string& text, Json options = Json::object()) {
  options["format"] = "csv";
  options["path"] = "/x";
  if (!options.contains("types")) options["types"] = "infer";
  const auto reading = file_reading(options);
  EXPECT_TRUE(reading) << reading.error().message;
  TypeSample sample(*reading);
  const Padded padded(text);
  EXPECT_TRUE(sample.take(padded.view(), true));
  return sample.types();
}

TEST(TypeSample, FindsWhatAllRowsAre) {
  EXPECT_EQ(to_json_text(types_of("i,d,b,t,x,z,e\n1,1.5,true,2024-01-31,a,07,\n-20,3,FALSE,2024-01-31T12:00Z,1,12,\n")),
            R"({"b":"boolean","d":"decimal","e":"text","i":"integer","t":"date","x":"text","z":"text"})");
}

TEST(TypeSample, EmptyCellsAndBadRowsSayNothing) {
  EXPECT_EQ(to_json_text(types_of("a,b\n,x\n1,2,3\n5,\n")), R"({"a":"integer","b":"text"})");
}

TEST(TypeSample, LeavesNamedColumnsAlone) {
  const Json types = {{"*", "infer"}, {"zip", "text"}};
  EXPECT_EQ(to_json_text(types_of("zip,n\n1,2\n", {{"types", types}})), R"({"n":"integer"})");
  EXPECT_EQ(to_json_text(types_of("zip,n\n1,2\n", {{"types", {{"n", "infer"}}}})), R"({"n":"integer"})");
}

TEST(TypeSample, TakesTheJobsWayOfWriting) {
  const Json options = {{"decimal_separator", ","}, {"date_format", "%d.%m.%Y"}, {"field_delimiter", ";"}};
  EXPECT_EQ(to_json_text(types_of("a;b\n1,5;31.12.2024\n", options)), R"({"a":"decimal","b":"date"})");
}

TEST(TypeSample, LooksAtSoManyRowsOnly) {
  std::string text = "a\n";
  for (std::uint64_t i = 0; i < kSampleRows; ++i) text += "1\n";
  EXPECT_EQ(to_json_text(types_of(text + "x\n")), R"({"a":"integer"})");
}

TEST(TypeSample, ItsTextIsReadBack) {
  const InferredTypes types = {{"a\"b", CellType::date}, {"c", CellType::text}};
  EXPECT_EQ(*inferred_types_from(*parse_json(to_json_text(types))), types);
  EXPECT_FALSE(inferred_types_from(*parse_json(R"({"a":"money"})")));
  EXPECT_FALSE(inferred_types_from(*parse_json("[]")));
}

}  // namespace
}  // namespace slicemill
