#include "core/expression/expression.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "core/expression/characters.h"
#include "core/expression/evaluation.h"
#include "core/runtime/ascii.h"

namespace slicemill::expression {
namespace {

constexpr std::size_t kShownCharacters = 200;

Error about(std::string_view what, std::string_view text, const Error& error) {
  const auto end = offset_of_character(text, kShownCharacters);
  return {error.code,
          fmt::format("error {} expression: {}{}: {}", what, text.substr(0, end), end < text.size() ? "..." : "",
                      error.message),
          false};
}

}  // namespace

Result<Expression> Expression::parse(std::string_view text) {
  auto tree = parse_syntax(text);
  if (!tree) return about("compiling", trimmed(text), tree.error());
  return Expression(std::string(text), std::move(*tree));
}

Result<Value> Expression::evaluate(const Environment& environment, const Limits& limits) const {
  Budget budget(limits);
  return evaluate(environment, budget);
}

Result<Value> Expression::evaluate(const Environment& environment, Budget& budget) const {
  auto value = Evaluation(text_, tree_, environment, budget).run();
  if (!value) return about("evaluating", trimmed(text_), value.error());
  return value;
}

Result<Json> Expression::evaluate_json(const Environment& environment, const Limits& limits) const {
  Budget budget(limits);
  ASSIGN_OR_RETURN(const auto value, evaluate(environment, budget));
  auto json = to_json(value, budget);
  if (!json) return about("evaluating", trimmed(text_), json.error());
  return json;
}

}  // namespace slicemill::expression
