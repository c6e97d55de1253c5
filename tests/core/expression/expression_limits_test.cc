// Texts and values that would take more time, memory or stack than an evaluation may.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "core/expression/expression.h"
#include "core/expression/template_text.h"
#include "tests/core/expression/expression_cases.h"

namespace slicemill::expression {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

std::string repeated(std::string_view text, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += text;
  return out;
}

TEST(ExpressionLimits, DeepTextsAreRefused) {
  for (const auto& text :
       {repeated("(", 10'000) + "1" + repeated(")", 10'000), repeated("[", 10'000), repeated("{a:", 10'000),
        repeated("-", 10'000) + "1", repeated("!", 30'000) + "true", repeated("f(", 10'000),
        "1" + repeated("+1", 10'000), "x" + repeated(".a", 10'000), "x" + repeated("[0]", 10'000),
        repeated("let a = 1;", 5'000) + "a", repeated("true ? 1 : ", 5'000) + "1", repeated("if true {", 5'000),
        "1" + repeated("**1", 10'000), repeated("map(x,", 5'000), "1" + repeated("|f()", 10'000),
        repeated("if true {1} else ", 3'000), "1" + repeated("<1", 10'000), "nil" + repeated("??1", 10'000),
        repeated("{(", 10'000)}) {
    const auto parsed = Expression::parse(text);
    ASSERT_FALSE(parsed) << text.substr(0, 20);
    EXPECT_THAT(parsed.error().message, AnyOf(HasSubstr("nested too deeply"), HasSubstr("ends too early")))
        << text.substr(0, 20);
    EXPECT_LT(parsed.error().message.size(), 400U);
  }
  EXPECT_TRUE(Expression::parse("1" + repeated("+1", kMostTreeDepth - 1)));
  const auto long_text = Expression::parse(repeated("1", kMostExpressionBytes + 1));
  ASSERT_FALSE(long_text);
  EXPECT_THAT(long_text.error().message, HasSubstr("at most 65536 are read"));
}

TEST(ExpressionLimits, TimeAndMemoryAreBounded) {
  const auto known = case_environment();
  const char* const texts[] = {
      "1..9223372036854775807",
      "-9223372036854775807..9223372036854775807",
      "sequence(0, 9223372036854775807)",
      "repeat('a', 9223372036854775807)",
      "repeat(repeat('a', 1000000), 1000000)",
      "map(1..100000, map(1..100000, #))",
      "all(1..100000, all(1..100000, true))",
      "reduce(1..100000, #acc + #acc, 'a')",
      "reduce(1..300, [#acc], 1)",
      "reduce(1..60, [#acc, #acc], 1) | flatten()",
      "let x = reduce(1..60, [#acc, #acc], 1); x == reduce(1..60, [#acc, #acc], 1)",
      "toJSON(reduce(1..60, [#acc, #acc], 1))",
      "string(reduce(1..60, ({a: #acc, b: #acc}), 1))",
      "max(reduce(1..60, [#acc, #acc], 1))",
      "map(1..100000, 'aaaaaaaaaaaaaaaaaaaa' matches ('a{' + string(# % 900) + '}'))",
      "uniq(map(1..100000, [#]))",
      "sort(map(1..300000, -#)) | sort() | sort() | sort() | sort() | sort()",
      "split(repeat('a', 30000000), '')",
      "replace(repeat('a', 10000), '', repeat('b', 10000))",
      "fromJSON(repeat('[', 1000000))",
      "fromJSON('[' + repeat('1,', 1000000) + '1]')",
      "map(1..100000, fromJSON(inputs.json))",
      "toJSON(reduce(1..190, [#acc], map(1..100000, #)))",
      "map(1..100000, now().Format(repeat('2006', 1000)))",
      "groupBy(1..1000000, #)",
      "concat(1..200000, 1..200000, 1..200000, 1..200000)",
      "map(1..1000000, repeat('a', 1000)[1:999])",
  };
  for (const char* text : texts) {
    const auto begin = std::chrono::steady_clock::now();
    const auto parsed = Expression::parse(text);
    ASSERT_TRUE(parsed) << text << parsed.error().message;
    const auto value = parsed->evaluate_json(known);
    const auto took = std::chrono::steady_clock::now() - begin;
    ASSERT_FALSE(value) << text;
    EXPECT_THAT(value.error().message,
                AnyOf(HasSubstr("too many steps"), HasSubstr("too much memory"), HasSubstr("nested too deeply"),
                      HasSubstr("fromJSON: the string is no JSON")))
        << text;
    EXPECT_LT(took, std::chrono::seconds(5)) << text;
  }
}

TEST(ExpressionLimits, AreTheCallersToSet) {
  const auto expression = *Expression::parse("map(1..100, # * 2)");
  EXPECT_TRUE(expression.evaluate({}));
  EXPECT_THAT(expression.evaluate({}, {.steps = 100}).error().message, HasSubstr("too many steps"));
  EXPECT_THAT(expression.evaluate({}, {.bytes = 1'000}).error().message, HasSubstr("too much memory"));
  const auto text = TemplateText::parse("{{ repeat('a', 600) }}{{ repeat('a', 600) }}");
  EXPECT_TRUE(text->evaluate({}));
  EXPECT_FALSE(text->evaluate({}, {.bytes = 2'000})) << "the expressions of a text share its limits";
}

TEST(ExpressionLimits, LargeValuesOfUsersAreFine) {
  Environment known;
  std::string list = "[";
  for (int i = 0; i < 20'000; ++i) list += std::to_string(i) + ",";
  list.back() = ']';
  known.variables["tasks"] = Value::texts({{"ids", list}});
  EXPECT_EQ(Expression::parse("fromJSON(tasks.ids)")->evaluate(known)->items().size(), 20'000U);
  EXPECT_EQ(Expression::parse("sequence(0, 200000)")->evaluate(known)->items().size(), 200'000U);
  EXPECT_EQ(Expression::parse("len(filter(fromJSON(tasks.ids), # % 2 == 0))")->evaluate(known)->integer(), 10'000);
}

}  // namespace
}  // namespace slicemill::expression
