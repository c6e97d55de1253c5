#include "core/formats/json_tokens.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "core/formats/json_scan.h"
#include "core/runtime/json.h"
#include "tests/core/formats/padded.h"

namespace slicemill {
namespace {

using testing::ElementsAre;

// Texts behind each other in one piece of memory, with something between them.
class Texts {
 public:
  Texts(const std::vector<std::string>& texts, std::string_view between) {
    std::vector<std::size_t> begins;
    for (const std::string& text : texts) {
      begins.push_back(all_.size());
      all_.append(text).append(between);
    }
    all_.append(64, '"');  // what is read behind the end must not matter
    for (std::size_t i = 0; i < texts.size(); ++i)
      views_.emplace_back(std::string_view(all_).substr(begins[i], texts[i].size()));
  }

  const std::vector<std::string_view>& views() const { return views_; }

 private:
  std::string all_;
  std::vector<std::string_view> views_;
};

std::vector<bool> verdicts(const std::vector<std::string>& texts, std::string_view between) {
  const Texts placed(texts, between);
  JsonIndexer indexer;
  JsonTokens tokens;
  const bool all = indexer.index(placed.views(), tokens);
  std::vector<bool> good;
  for (const auto& text : tokens.texts()) good.push_back(text.is_good);
  EXPECT_EQ(all, std::ranges::find(good, false) == good.end());
  EXPECT_EQ(good.size(), texts.size());
  return good;
}

bool is_container(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  return first != text.npos && (text[first] == '{' || text[first] == '[');
}

// What the scanner says, which shares no code with it.
bool is_good(const std::string& text) {
  const Padded padded(text);
  return is_container(text) && is_utf8(padded.view()) &&
         check_json_text(padded.view()).state == JsonScan::State::complete;
}

// The value as it is reached from token to token, as JSON. Of repeated keys the last counts here, as for the parser.
Json rebuilt(const JsonValue& value) {
  if (!value.is_object()) return Json::parse(value.bytes());
  Json object = Json::object();
  value.visit_members([&](const JsonName& name, const JsonValue& member) { object[name.text()] = rebuilt(member); });
  return object;
}

TEST(JsonTokens, LeadToEveryMember) {
  const std::vector<std::string> texts = {
      R"({})",
      R"([])",
      R"({"a":1})",
      R"( { "a" : { "b" : [ 1 , { "c" : { } } , "x" ] , "d" : true } , "e" : null } )",
      R"({"a":"}\"{","b\n":"\\","c":-1.5e+3,"d":[],"e":{"f":{}},"g":false})",
      R"([{"a":1},[2]])"};
  for (const char* between : {"\n", "", "\r\n", " \n \n"}) {
    const Texts placed(texts, between);
    JsonIndexer indexer;
    JsonTokens tokens;
    ASSERT_TRUE(indexer.index(placed.views(), tokens));
    ASSERT_EQ(tokens.texts().size(), texts.size());
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const auto& text = tokens.texts()[i];
      EXPECT_EQ(text.data, placed.views()[i].data());
      EXPECT_EQ(rebuilt(tokens.value(text)), Json::parse(texts[i])) << texts[i];
    }
  }
}

TEST(JsonTokens, NamesAreComparedByTheirCharacters) {
  const std::string text =
      R"({"pr\u00e9nom":1,"a\/b" : 2,"a\"b":3,"\ud83d\ude00":4,"":5,"seven77":6,"eight888":7,"nine_9999":8,"x\\":9,"b\u0008":10})";
  const Texts placed({text, R"({"plain":"with \"quotes\" and \u00e9", "a":{"b\u0063":1}})"}, "\n");
  JsonIndexer indexer;
  JsonTokens tokens;
  ASSERT_TRUE(indexer.index(placed.views(), tokens));
  const JsonValue value = tokens.value(tokens.texts()[0]);
  const auto found = [&](const std::string& name) {
    const auto token = value.last_member(JsonKey(name));
    return token == 0 ? std::string() : std::string(value.at_token(token).bytes());
  };
  EXPECT_EQ(found("prénom"), "1");
  EXPECT_EQ(found("a/b"), "2");
  EXPECT_EQ(found("a\"b"), "3");
  EXPECT_EQ(found("😀"), "4");
  EXPECT_EQ(found(""), "5");
  EXPECT_EQ(found("seven77"), "6");
  EXPECT_EQ(found("eight888"), "7");
  EXPECT_EQ(found("nine_9999"), "8");
  EXPECT_EQ(found("x\\"), "9");
  EXPECT_EQ(found("b\b"), "10");
  for (const auto* absent : {"pr\\u00e9nom", "a\\/b", "seven7", "seven777", "eight88", "eight8888", "nine_9998",
                             "nine_99999", "seven77\":6", "x", "b\\b"})
    EXPECT_EQ(found(absent), "") << absent;
  EXPECT_TRUE(tokens.texts()[0].has_escaped_names);
  EXPECT_TRUE(tokens.texts()[1].has_escaped_names);
}

TEST(JsonTokens, EscapesInValuesAreNoneInNames) {
  const Texts placed({R"({"a":"\"b\":1","c":["\\","x\u00e9"], "d" : "\\"})", R"({"a" : "b", "c\n" : 1})"}, "\n");
  JsonIndexer indexer;
  JsonTokens tokens;
  ASSERT_TRUE(indexer.index(placed.views(), tokens));
  EXPECT_FALSE(tokens.texts()[0].has_escaped_names);
  EXPECT_TRUE(tokens.texts()[1].has_escaped_names);
}

TEST(JsonTokens, OfRepeatedNamesTheLastIsFound) {
  const Texts placed({R"({"k":1,"k.x":0,"k":2,"\u006b":3})"}, "");
  JsonIndexer indexer;
  JsonTokens tokens;
  ASSERT_TRUE(indexer.index(placed.views(), tokens));
  const JsonValue value = tokens.value(tokens.texts()[0]);
  const auto members = value.last_members(JsonKey("k"), JsonKey("k.x"));
  EXPECT_EQ(value.at_token(members.first).bytes(), "3");
  EXPECT_EQ(value.at_token(members.second).bytes(), "0");
}

TEST(JsonTokens, AValueEndsBeforeSpaceAndComma) {
  const Texts placed({"{ \"a\" : 12 , \"b\":\"x, \" \t,\"c\": [ 1 ] , \"d\" : null\r,\"e\":-1.5e3\n} "}, "");
  JsonIndexer indexer;
  JsonTokens tokens;
  ASSERT_TRUE(indexer.index(placed.views(), tokens));
  std::vector<std::string> values;
  tokens.value(tokens.texts()[0]).visit_members([&](const JsonName&, const JsonValue& value) {
    values.emplace_back(value.bytes());
    return true;
  });
  EXPECT_THAT(values, ElementsAre("12", R"("x, ")", "[ 1 ]", "null", "-1.5e3"));
}

TEST(JsonTokens, ABadTextSpoilsNoOther) {
  const std::vector<std::string> texts = {
      R"({"a":1})",       R"({"a":"x)",  R"({"a":2})",   R"({"a":"\)",      R"({"b":"\q"})",
      "{\"c\":\"\xff\"}", R"({"a":3})",  R"({"d":tru})", R"({"a":"\u12"})", R"(5)",
      R"({"a":{"b":4}})", R"({"a":1}})", R"([1,2)",      R"({"a":01})",     R"({"e":5})"};
  for (const char* between : {"\n", "", " "}) {
    EXPECT_THAT(verdicts(texts, between), ElementsAre(true, false, true, false, false, false, true, false, false, false,
                                                      true, false, false, false, true))
        << "between: " << between;
  }
}

TEST(JsonTokens, ATextEndsWhereItEnds) {
  EXPECT_THAT(verdicts({R"({"a":[1])", "}", R"({"b":2})"}, ""), ElementsAre(false, false, true));
}

TEST(JsonTokens, DepthIsThatOfTheScanner) {
  const auto nested = [](int depth) {
    return std::string(static_cast<std::size_t>(depth), '[') + std::string(static_cast<std::size_t>(depth), ']');
  };
  EXPECT_THAT(verdicts({nested(kMaxJsonDepth), nested(kMaxJsonDepth + 1), "{}"}, "\n"), ElementsAre(true, false, true));
}

// Longer than what is looked at together, so one by one; then short ones again.
TEST(JsonTokens, TextsOfAnyLength) {
  std::string list = "[";
  for (int i = 0; i < 3'000'000; ++i) list += "1,";
  list += "1]";
  const std::vector<std::string> texts = {"{}", list, "{\"a\":\"" + std::string(2 << 20, 'x') + "\"}", "[]",
                                          list + "]"};
  EXPECT_THAT(verdicts(texts, "\n"), ElementsAre(true, true, true, true, false));
  JsonIndexer indexer;
  JsonTokens tokens;
  for (int round = 0; round < 3; ++round) {
    const Texts placed({list, R"({"a":7})"}, "\n");
    ASSERT_TRUE(indexer.index(placed.views(), tokens));
    EXPECT_EQ(rebuilt(tokens.value(tokens.texts()[1])), Json::parse(R"({"a":7})"));
    tokens.clear();
    EXPECT_TRUE(tokens.texts().empty());
  }
}

// Bytes of good texts changed, dropped and put in at random; the verdicts are those of the scanner.
TEST(JsonTokens, VerdictsAreThoseOfTheScanner) {
  const std::vector<std::string> seeds = {
      R"({"a":1,"b":[true,false,null],"c":{"d":"x\n\u00e9","e":-0.5e-7}})", R"([[],{},"",0,-1,10.25E3])",
      R"({"name":"été","list":[{"k":"v"},{"k":"w"}],"n":12345678901234567890})", R"({ "a" : "\\" , "b" : "\"" } )"};
  const std::string_view alphabet = "{}[],:\"\\ \n\t0123456789.eE+-truefalsn\x01\xc3\xa9\x0c/u";
  std::mt19937 random(20'261'129);
  const auto changed = [&](std::string text) {
    for (auto changes = random() % 3; changes > 0 && !text.empty(); --changes) {
      const std::size_t at = random() % text.size();
      const char c = alphabet[random() % alphabet.size()];
      switch (random() % 3) {
        case 0:
          text[at] = c;
          break;
        case 1:
          text.insert(at, 1, c);
          break;
        default:
          text.erase(at, 1);
      }
    }
    return text;
  };
  int good_ones = 0;
  for (int round = 0; round < 3'000; ++round) {
    std::vector<std::string> texts;
    std::vector<bool> expected;
    for (int i = 0; i < 8; ++i) {
      texts.push_back(changed(seeds[random() % seeds.size()]));
      expected.push_back(is_good(texts.back()));
      good_ones += expected.back() ? 1 : 0;
    }
    ASSERT_EQ(verdicts(texts, round % 2 == 0 ? "\n" : ""), expected)
        << Json(texts).dump(-1, ' ', true, Json::error_handler_t::replace);
  }
  EXPECT_GT(good_ones, 6'000);
  EXPECT_LT(good_ones, 20'000);
}

}  // namespace
}  // namespace slicemill
