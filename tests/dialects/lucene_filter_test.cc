#include "api/dialects/teraslice/lucene_syntax.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/dialects/teraslice/teraslice_fields.h"
#include "tests/dialects/filter_cases.h"

namespace slicemill::api::teraslice {

namespace {

using namespace query;
using ::testing::HasSubstr;

std::vector<Json> documents() {
  std::vector<Json> all = case_documents();
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i]["job_id"] = std::string(1, static_cast<char>('a' + i));
    all[i]["_context"] = "job";
    all[i]["_created"] = to_iso(case_created(i));
    all[i]["_updated"] = to_iso(case_created(i) + 3'600'000);
  }
  return all;
}

TEST(Filter, FindsWhatEachCaseSays) {
  for (const FilterCase& wanted : filter_cases()) {
    const auto filter = parse_filter(wanted.filter, job_fields(), kCasesNow);
    ASSERT_TRUE(filter) << wanted.filter << ": " << filter.error().message;
    EXPECT_EQ(filter->text, wanted.filter);
    std::string found;
    for (const Json& document : documents())
      if (holds(filter->condition, document)) found += document["job_id"].get<std::string>();
    EXPECT_EQ(found, wanted.found) << wanted.filter;
  }
}

struct BadFilter {
  std::string filter;
  std::string message;
};

TEST(Filter, NamesThePlaceOfWhatIsWrong) {
  const std::vector<BadFilter> cases = {
      {"name:", "character 6: expected a value"},
      {"name:)", "character 6: expected a value"},
      {"a AND", "character 6: expected a test"},
      {"AND a", "character 1: expected a test before AND"},
      {"a OR OR b", "character 6: expected a test before OR"},
      {"a && && b", "character 6: expected a test before &&"},
      {"NOT", "character 4: expected a test"},
      {"   ", "character 4: expected a test"},
      {"()", "character 2: expected a test"},
      {"(a", "character 1: this group is not closed"},
      {"(a OR (b)", "character 1: this group is not closed"},
      {"a)", "character 2: nothing is open that this closes"},
      {"name:\"a", "character 6: this quotation mark is not closed"},
      {"größe:\"a", "character 7: this quotation mark is not closed"},
      {"name:/a", "character 6: this regular expression is not closed"},
      {"name:/(a/", "character 6: bad regular expression"},
      {"nope:/(a/", "character 6: bad regular expression"},
      {"/[/", "character 1: bad regular expression"},
      {"name:/a{1000}{1000}{1000}/", "character 6: bad regular expression"},
      {"workers:[1 2]", "character 12: expected TO"},
      {"workers:[1 TO 2", "character 9: this range is not closed"},
      {"workers:[1 TO 2)", "character 16: this range is not closed"},
      {"workers:[ TO 2]", "character 14: expected TO"},
      {"workers:[1 TO ]", "character 15: expected a bound"},
      {"workers:>", "character 10: expected a bound"},
      {"workers:]", "character 9: expected a value"},
      {"]", "character 1: expected a test"},
      {"workers:many", "character 9: \"many\" is no number"},
      {"workers:[1 TO many]", "character 9: \"many\" is no number"},
      {"workers:1*", "character 9: workers takes values, not patterns"},
      {"workers:(2 OR x)", "character 15: \"x\" is no number"},
      {"active:yes", "character 8: \"yes\" is neither true nor false"},
      {"_created:yesterday", "character 10: \"yesterday\" is no date"},
      {"_created:2026-13", "character 10: \"2026-13\" is no date"},
      {"_created:now-1x", "is no date"},
      {"_created:/2026/", "takes values, not patterns"},
      {"name:a~", "character 7: fuzzy searches are not supported"},
      {"name:\"a b\"~2", "character 11: fuzzy searches are not supported"},
      {"a^", "character 2: expected a number after ^"},
      {"a\\", "character 2: nothing follows this backslash"},
      {"na*e:a", "character 1: the name of a field has no wildcards"},
      {":a", "character 1: expected the name of a field"},
      {"_exists_:", "character 10: expected the name of a field"},
      {"_exists_:(a)", "character 10: expected the name of a field"},
      {"*:a", "character 3: only * can follow *:"},
      {std::string(40, '(') + "a" + std::string(40, ')'), "groups inside each other"},
      {std::string(9000, 'a'), "character 8193: a filter has at most 8192 bytes"},
      {std::string("a\0b", 3), "character 2: a NUL character"},
  };
  for (const BadFilter& wrong : cases) {
    const auto filter = parse_filter(wrong.filter, job_fields(), kCasesNow);
    ASSERT_FALSE(filter) << wrong.filter;
    EXPECT_EQ(filter.error().code, ErrorCode::invalid);
    EXPECT_THAT(filter.error().message, HasSubstr(wrong.message)) << wrong.filter;
    EXPECT_THAT(filter.error().message, HasSubstr("bad filter at character ")) << wrong.filter;
  }
}

TEST(Filter, LimitsTheNumberOfTests) {
  std::string text = "a";
  for (int i = 1; i < 128; ++i) text += " a";
  EXPECT_TRUE(parse_filter(text, job_fields(), 0));
  EXPECT_FALSE(parse_filter(text + " a", job_fields(), 0));
}

TEST(Filter, ReadsRecordsOfSlices) {
  const Json record = {{"slice_id", "s1"},
                       {"slicer_id", 0},
                       {"slicer_order", 12},
                       {"state", "error"},
                       {"error", "Error: timeout\n at line 5"}};
  auto is_found = [&](std::string_view text) {
    const auto filter = parse_filter(text, slice_fields(), 0);
    return filter && holds(filter->condition, record);
  };
  EXPECT_TRUE(is_found("slicer_id:0"));
  EXPECT_TRUE(is_found("slicer_order:>=12 AND error:*timeout*"));
  EXPECT_TRUE(is_found("error:/.*time.*5/"));
  EXPECT_FALSE(is_found("error:timeout"));  // a keyword: exact
  EXPECT_FALSE(is_found("name:*"));
}

TEST(Filter, TimeOfARegularExpressionGrowsWithTheTextOnly) {
  const auto filter = parse_filter("job_id:/(a*)*b/", job_fields(), 0);
  ASSERT_TRUE(filter);
  EXPECT_FALSE(holds(filter->condition, {{"job_id", std::string(100'000, 'a')}}));
  const auto stars = parse_filter("job_id:*a*a*a*a*a*a*a*a*b", job_fields(), 0);
  ASSERT_TRUE(stars);
  EXPECT_FALSE(holds(stars->condition, {{"job_id", std::string(2'000, 'a')}}));
}

}  // namespace
}  // namespace slicemill::api::teraslice
