#include "core/formats/json_scan.h"

#include <gmock/gmock.h>
#include <simdjson.h>

#include <random>
#include <string>
#include <vector>

#include "tests/core/formats/padded.h"

namespace slicemill {
namespace {

using State = JsonScan::State;

bool is_json(std::string_view text) {
  return check_json_text(Padded(text).view()).state == State::complete;
}

TEST(JsonScan, AcceptsWhatTheGrammarAllows) {
  for (const char* text : {"{}", "[]", "null", "true", "false", "0", "-0", "1", "-12.5e+3", "1E9", "\"\"",
                           "\"a\\u00e9\\n\\\"\"", " { \"a\" : [ 1 , 2 , { \"b\" : null } ] , \"c\" : \"x\" } ",
                           "[[[]],[]]", "123456789012345678901234567890", "1e999", "\"\xC3\xA9\""}) {
    EXPECT_TRUE(is_json(text)) << text;
  }
}

TEST(JsonScan, RefusesWhatItDoesNot) {
  for (const char* text : {"",
                           " ",
                           "{",
                           "}",
                           "[",
                           "]",
                           "[1,]",
                           "{,}",
                           "{\"a\"}",
                           "{\"a\":}",
                           "{\"a\":1,}",
                           "{a:1}",
                           "{\"a\":1 \"b\":2}",
                           "[1 2]",
                           "01",
                           "-",
                           "+1",
                           "1.",
                           ".5",
                           "1e",
                           "1e+",
                           "tru",
                           "truE",
                           "nul",
                           "nulll",
                           "\"",
                           "\"\\x\"",
                           "\"\\u12g4\"",
                           "\"\\u12",
                           "\"a\nb\"",
                           "1 2",
                           "{}{}",
                           "[}",
                           "{]",
                           "'a'",
                           "NaN",
                           "[1],"}) {
    EXPECT_FALSE(is_json(text)) << text;
  }
}

TEST(JsonScan, NamesTheByteThatIsWrong) {
  const Padded text("{\"a\":1,\"b\":tru}");
  const JsonScan scan = check_json_text(text.view());
  EXPECT_EQ(scan.state, State::broken);
  EXPECT_EQ(scan.at - text.view().data(), 11);
  EXPECT_STREQ(scan.problem, "expected a value");
}

TEST(JsonScan, LimitsTheDepth) {
  EXPECT_TRUE(is_json(std::string(1024, '[') + std::string(1024, ']')));
  EXPECT_FALSE(is_json(std::string(1025, '[') + std::string(1025, ']')));
}

TEST(JsonScan, EveryCutOfAValueIsIncompleteAndNeverBroken) {
  const std::string value =
      R"({"key":[1.5e-3,true,null,"t\u00e9\\xt",{"deep":{"er":[]}}],"z":"0123456789012345678901234567890123456789"})";
  for (std::size_t size = 1; size < value.size(); ++size) {
    const Padded part(value.substr(0, size));
    const JsonScan scan = scan_json_value(part.view().data(), part.view().data() + size);
    EXPECT_EQ(scan.state, State::incomplete) << part.view() << ": " << scan.problem;
  }
  const Padded whole(value + "   rest");
  const JsonScan scan = scan_json_value(whole.view().data(), whole.view().data() + whole.view().size());
  EXPECT_EQ(scan.state, State::complete);
  EXPECT_EQ(static_cast<std::size_t>(scan.at - whole.view().data()), value.size());
}

// A number with three digits of exponent, or of eighteen digits.
bool may_hold_huge_number(std::string_view text) {
  std::size_t digits = 0;
  bool is_exponent = false;
  for (const char c : text) {
    if (c >= '0' && c <= '9') {
      if (++digits >= (is_exponent ? 3 : 18)) return true;
      continue;
    }
    if (c == '+' && is_exponent && digits == 0) continue;
    is_exponent = c == 'e' || c == 'E';
    digits = 0;
  }
  return false;
}

// Another parser as the judge: small values with random damage.
TEST(JsonScan, AgreesWithSimdjson) {
  const std::vector<std::string> seeds = {
      R"({"a":[1,2.5,-3e2],"b":{"c":null,"d":true},"e":"te\"xt\\"})", R"([{"x":""},[[],{}],false,"\n\t\/",0.1])",
      R"({"long key that is longer than a block":"long value that is longer than a block of sixteen","n":123456})"};
  const std::string alphabet = "{}[]\",:\\ 0123456789.eE+-truefalsn\tx/";
  std::mt19937 random(20261124);
  simdjson::dom::parser parser;
  int good = 0;
  for (int round = 0; round < 40000; ++round) {
    std::string text = seeds[random() % seeds.size()];
    for (unsigned i = random() % 3; i > 0; --i) {
      const std::size_t at = random() % text.size();
      switch (random() % 3) {
        case 0:
          text[at] = alphabet[random() % alphabet.size()];
          break;
        case 1:
          text.erase(at, 1);
          break;
        default:
          text.insert(at, 1, alphabet[random() % alphabet.size()]);
          break;
      }
    }
    const auto error = parser.parse(simdjson::padded_string(text)).error();
    const bool theirs = error == simdjson::SUCCESS;
    good += theirs ? 1 : 0;
    // It refuses numbers that a double cannot hold; the grammar does not.
    if (error == simdjson::NUMBER_ERROR && may_hold_huge_number(text)) continue;
    ASSERT_EQ(is_json(text), theirs) << text;
  }
  EXPECT_GT(good, 1000);
}

TEST(JsonScan, CompactsOutsideOfStringsOnly) {
  std::string text = "{ \"a b\" :\n [ 1,\r\n\t2 ] , \"q\\\" x\" : \"\\\\\" , \"e\" : \" \" }";
  text.resize(compact_json(text.data(), text.size()));
  EXPECT_EQ(text, R"({"a b":[1,2],"q\" x":"\\","e":" "})");
}

TEST(JsonScan, QuotesText) {
  EXPECT_EQ(json_quoted(""), "\"\"");
  EXPECT_EQ(json_quoted("a\"b\\c\n\r\t\b\f\x01\x1f/"), "\"a\\\"b\\\\c\\n\\r\\t\\b\\f\\u0001\\u001f/\"");
  const std::string all_special(100, '\x02');
  const std::string long_text = "0123456789abcdef0123456789abcdef" + all_special + "tail";
  const std::string quoted = json_quoted(long_text);
  simdjson::dom::parser parser;
  EXPECT_EQ(std::string_view(parser.parse(simdjson::padded_string(quoted)).get_string()), long_text);
}

TEST(JsonScan, HeadsAreOneShortValidLine) {
  EXPECT_EQ(text_head("a\nb"), "a b");
  EXPECT_EQ(text_head("a\xFFz"), "a?z");
  const std::string cut = text_head(std::string(79, 'x') + "\xC3\xA9" + "more");
  EXPECT_EQ(cut, std::string(79, 'x') + "...");
}

}  // namespace
}  // namespace slicemill
