#include "core/expression/expression.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "core/expression/functions.h"
#include "core/expression/printed_numbers.h"
#include "core/expression/template_text.h"
#include "tests/core/expression/expression_cases.h"

namespace slicemill::expression {
namespace {

using testing::HasSubstr;

// A line of a file of cases.
struct Case {
  int line = 0;
  std::string text;
  bool is_error = false;
  std::string expected;
};

std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == 'n' || text[i + 1] == '\\')) {
      out += text[++i] == 'n' ? '\n' : '\\';
    } else {
      out += text[i];
    }
  }
  return out;
}

std::vector<Case> cases_of(const std::string& name) {
  std::ifstream file(std::string(SLICEMILL_CASES) + "/" + name);
  std::vector<Case> cases;
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    if (line.empty() || line.starts_with("# ")) continue;
    const auto value = line.find(" => ");
    const auto error = line.starts_with("!! ") ? 0 : line.find(" !! ");
    const bool is_error = error < value;
    const auto at = std::min(error, value);
    if (at == std::string::npos) throw std::runtime_error(name + ":" + std::to_string(number) + " is no case");
    const std::size_t gap = at == 0 && is_error ? 3 : 4;
    cases.push_back({number, line.substr(0, at), is_error, unescaped(line.substr(at + gap))});
  }
  return cases;
}

Result<std::string> text_of(std::string_view text, const Environment& known) {
  ASSIGN_OR_RETURN(const auto expression, Expression::parse(text));
  Budget budget{Limits{}};
  ASSIGN_OR_RETURN(const auto value, expression.evaluate(known, budget));
  return printed(value, budget);
}

template <typename Run>
void check(const std::string& file, Run&& run) {
  const auto cases = cases_of(file);
  ASSERT_GT(cases.size(), 20U);
  for (const auto& one : cases) {
    SCOPED_TRACE(file + ":" + std::to_string(one.line) + " " + one.text);
    const Result<std::string> result = run(one.text);
    if (one.is_error) {
      ASSERT_FALSE(result) << *result;
      EXPECT_EQ(result.error().code, ErrorCode::invalid);
      EXPECT_FALSE(result.error().retryable);
      EXPECT_THAT(result.error().message, HasSubstr(one.expected));
    } else {
      ASSERT_TRUE(result) << result.error().message;
      EXPECT_EQ(*result, one.expected);
    }
  }
}

TEST(Expression, ValuesAndErrors) {
  const auto known = case_environment();
  check("values.txt", [&](const std::string& text) { return text_of(text, known); });
}

TEST(Expression, Templates) {
  const auto known = case_environment();
  check("templates.txt", [&](const std::string& text) { return evaluate_template(text, known); });
}

TEST(Expression, EveryFunctionHasACase) {
  std::string all;
  for (const auto& one : cases_of("values.txt")) all += one.text + "\n";
  for (const auto part :
       {text_functions(), list_functions(), number_functions(), conversion_functions(), time_functions()})
    for (const auto& function : part) EXPECT_THAT(all, HasSubstr(std::string(function.name) + "("));
}

TEST(Expression, ErrorsNameTheExpressionAndThePlace) {
  const auto parsed = Expression::parse("1 +\n  * 2");
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().message, "error compiling expression: 1 +\n  * 2: unexpected * (2:3)");
  const auto evaluated = Expression::parse("\"ä\" + x")->evaluate({});
  ASSERT_FALSE(evaluated);
  EXPECT_EQ(evaluated.error().message, "error evaluating expression: \"ä\" + x: unknown name x (1:7)");
}

TEST(Expression, ErrorsShowNoValue) {
  const auto known = case_environment();
  for (const char* text :
       {"int(secrets.token)", "float(secrets.token)", "fromJSON(secrets.token)", "date(secrets.token)",
        "duration(secrets.token)", "secrets.token + 1", "fromBase64(secrets.token + '!')", "xs[secrets.token]",
        "secrets.token.x", "date(secrets.token, '2006')"}) {
    const auto result = text_of(text, known);
    ASSERT_FALSE(result) << text;
    EXPECT_THAT(result.error().message, testing::Not(HasSubstr("s3cr3t"))) << text;
  }
}

TEST(Expression, JsonKeepsKinds) {
  const auto known = case_environment();
  const auto json = [&](const char* text) { return to_compact_text(*Expression::parse(text)->evaluate_json(known)); };
  EXPECT_EQ(json("[1, 2.5, 4 / 2, '1', true, nil, {b: 1, a: {}}]"), R"([1,2.5,2,"1",true,null,{"a":{},"b":1}])");
  EXPECT_EQ(json("now()"), R"("2026-11-24T16:36:27.5Z")");
  EXPECT_EQ(json("duration('1ms')"), "1000000");
  EXPECT_EQ(json("sequence(0, 3)"), "[0,1,2]");
  EXPECT_EQ(json("1e300 * 1e300"), "null");
}

TEST(Expression, BareExpressionsMayStandInBraces) {
  const auto known = case_environment();
  const auto value = [&](const char* text) { return to_compact_text(*parse_bare(text)->evaluate_json(known)); };
  EXPECT_EQ(value("sequence(1, 3)"), "[1,2]");
  EXPECT_EQ(value("{{ sequence(1, 3) }}"), "[1,2]");
  EXPECT_EQ(value("before {{ xs }} after {{ 1 }}"), "[3,1,2]");
  EXPECT_EQ(value("{a: {b: 1}}"), R"({"a":{"b":1}})");
  for (const char* text : {"", " ", "{{ }}", "{1+1}}", "some expression"}) EXPECT_FALSE(parse_bare(text)) << text;
}

TEST(Expression, ValuesOfJsonComeBack) {
  const auto json = *parse_json(R"({"b":[1,-2.5,"x",null,true,{}],"a":9223372036854775807})");
  const auto value = Value::from_json(json);
  ASSERT_TRUE(value);
  Budget budget{Limits{}};
  EXPECT_EQ(to_compact_text(*to_json(*value, budget)), R"({"a":9223372036854775807,"b":[1,-2.5,"x",null,true,{}]})");
  Json deep = 1;
  for (int i = 0; i < kMostValueDepth; ++i) deep = Json::array({deep});
  EXPECT_FALSE(Value::from_json(deep));
}

TEST(Expression, RandomNumbersStayBelowTheLimitAndReachEach) {
  const auto known = case_environment();
  const auto expression = *Expression::parse("randomInt(5)");
  std::set<std::int64_t> seen;
  for (int i = 0; i < 200; ++i) seen.insert(expression.evaluate(known)->integer());
  EXPECT_EQ(seen, (std::set<std::int64_t>{0, 1, 2, 3, 4}));
  Environment without;
  EXPECT_FALSE(expression.evaluate(without));
}

TEST(Expression, DurationsReadWhatIsWritten) {
  for (const char* text : {"0s", "1ns", "1.5\u00b5s", "2ms", "1.502s", "1m0s", "26h3m4.000000005s", "-1h0m0s"}) {
    const auto parsed = parse_duration(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(printed_duration(*parsed), text);
  }
  EXPECT_EQ(parse_duration("+1h")->ns, 3'600'000'000'000);
  EXPECT_EQ(parse_duration(".5m")->ns, 30'000'000'000);
  EXPECT_EQ(parse_duration("1.1s")->ns, 1'100'000'000);
  EXPECT_EQ(parse_duration("0")->ns, 0);
  for (const char* text :
       {"", "5", "1d", "h", "1h ", " 1h", "1hx", "--1h", "1e3s", "9999999h", "99999999999999999999s", "."})
    EXPECT_FALSE(parse_duration(text)) << text;
}

}  // namespace
}  // namespace slicemill::expression
