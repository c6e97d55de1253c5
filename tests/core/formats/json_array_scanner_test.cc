#include "core/formats/json_array_scanner.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/core/formats/padded.h"

namespace slicemill {
namespace {

Result<std::vector<std::string>> scan_all(const std::string& text, std::size_t step,
                                          JsonArrayScanner::OnBadElement on_bad = nullptr) {
  JsonArrayScanner scanner(std::move(on_bad));
  std::vector<std::string> records;
  std::string held;
  std::size_t read_to = 0;
  while (!scanner.done()) {
    const std::size_t more = std::min(step, text.size() - read_to);
    held += text.substr(read_to, more);
    read_to += more;
    Padded chunk(held);
    std::vector<std::string_view> views;
    ASSIGN_OR_RETURN(const std::size_t used, scanner.scan(chunk.span(), read_to == text.size(), views));
    for (std::string_view view : views) records.emplace_back(view);
    held.erase(0, used);
    EXPECT_EQ(scanner.position() + held.size(), read_to);
  }
  EXPECT_TRUE(held.empty());
  return records;
}

TEST(JsonArrayScanner, SplitsAtEveryChunkSize) {
  const std::string text =
      "\xEF\xBB\xBF [ {\"a\":\"],{\\\"\"} ,\n 12 , -3.5e7,\"x\" ,true,{\n\"b\" : [ 1,\n 2 ]\n}, [ ] , null ] \n";
  for (std::size_t step = 1; step <= text.size() + 1; ++step) {
    const auto records = scan_all(text, step);
    ASSERT_TRUE(records) << records.error().message;
    EXPECT_THAT(*records, testing::ElementsAre("{\"a\":\"],{\\\"\"}", "12", "-3.5e7", "\"x\"", "true", "{\"b\":[1,2]}",
                                               "[ ]", "null"));
  }
}

TEST(JsonArrayScanner, GoesOnBehindBadElements) {
  const std::string text = "[{\"a\":1}, {\"a\":tru, \"b\":\"],\"} ,{\"c\":\"\xFF\"},{\"d\":[1,]}\n,2 3,{\"e\":5}]";
  for (std::size_t step = 1; step <= text.size() + 1; ++step) {
    std::vector<std::string> bad;
    const auto records = scan_all(text, step, [&](const BadElement& element) -> Result<void> {
      bad.push_back(std::to_string(element.at) + " " + std::string(element.text) + " " + element.error.message);
      return {};
    });
    // What comes behind a good element is not part of it, so `2 3` is no element to be left out.
    ASSERT_FALSE(records);
    EXPECT_EQ(records.error().message, "byte 55: expected ',' or ']' after an element");
    EXPECT_THAT(bad, testing::ElementsAre("10 {\"a\":tru, \"b\":\"],\"} byte 15: expected a value",
                                          "31 {\"c\":\"\xFF\"} byte 37: not UTF-8 (0xff)",
                                          "41 {\"d\":[1,]} byte 49: expected a value"));
  }
  EXPECT_THAT(*scan_all("[1,{\"a\":},2]", 3, [](const BadElement&) -> Result<void> { return {}; }),
              testing::ElementsAre("1", "2"));
  const auto stopped =
      scan_all("[1,nul,2]", 3, [](const BadElement& element) -> Result<void> { return element.error; });
  EXPECT_EQ(stopped.error().message, "byte 3: expected a value");
}

TEST(JsonArrayScanner, TakesOneValueAsOneRecord) {
  for (std::size_t step : {1, 4, 100}) {
    EXPECT_THAT(*scan_all(" {\"a\": 1}\n", step), testing::ElementsAre("{\"a\": 1}"));
    EXPECT_THAT(*scan_all("12345", step), testing::ElementsAre("12345"));
    EXPECT_THAT(*scan_all("[]", step), testing::ElementsAre());
    EXPECT_THAT(*scan_all("", step), testing::ElementsAre());
  }
}

TEST(JsonArrayScanner, NamesTheByteOfEveryError) {
  const std::pair<const char*, const char*> cases[] = {
      {"[1,2", "byte 4: text ends before the array is closed"},
      {"[1 2]", "byte 3: expected ',' or ']' after an element"},
      {"[1,]", "byte 3: expected a value"},
      {"[1] x", "byte 4: text after the array"},
      {"{\"a\":1}\n{\"a\":2}", "byte 8: text after the value (one value a line is the format ldjson)"},
      {"[{\"a\":tru}]", "byte 6: expected a value"},
      {"[\"abc", "byte 5: text ends inside a string"},
      {"[1,\"\xFF\"]", "byte 4: not UTF-8 (0xff)"},
      {"{\"a\":", "byte 5: text ends before a member's value"},
  };
  for (const auto& [text, message] : cases) {
    for (std::size_t step : {1, 3, 100}) {
      const auto records = scan_all(text, step);
      ASSERT_FALSE(records) << text;
      EXPECT_EQ(records.error().message, message) << text;
      EXPECT_FALSE(records.error().retryable);
    }
  }
}

}  // namespace
}  // namespace slicemill
