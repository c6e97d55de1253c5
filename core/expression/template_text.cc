#include "core/expression/template_text.h"

#include "core/expression/tokens.h"
#include "core/runtime/ascii.h"

namespace slicemill::expression {
namespace {

constexpr std::string_view kOpen = "{{";
constexpr std::string_view kClose = "}}";

// Where an expression is that begins after "{{" at the head of the text, and what follows its "}}".
struct Found {
  std::string_view expression;
  std::string_view rest;
};

// Counts brackets, so that "}}" of nested maps ends none. Nothing: a text does not end, a bracket is missing.
std::optional<std::size_t> end_by_words(std::string_view text) {
  Tokens tokens(text);
  int open = 0;
  for (;;) {
    const auto token = tokens.next();
    if (!token || token->kind == TokenKind::end) return {};
    if (token->is("(") || token->is("[") || token->is("{")) ++open;
    const bool closes = token->is(")") || token->is("]") || token->is("}");
    if (closes && open == 0)
      return text.substr(token->offset).starts_with(kClose) ? std::optional(token->offset) : std::nullopt;
    if (closes) --open;
  }
}

// Nothing: this "{{" is text.
std::optional<Found> expression_in(std::string_view text) {
  const auto first = text.find(kClose);
  if (first == text.npos || first == 0) return {};
  // What is no sequence of words is an error of its own, and ends where its reader expects.
  const std::size_t end = end_by_words(text).value_or(first);
  return Found{trimmed(text.substr(0, end)), text.substr(end + kClose.size())};
}

}  // namespace

Result<TemplateText> TemplateText::parse(std::string_view text) {
  TemplateText made;
  std::string before;
  while (!text.empty()) {
    const auto open = text.find(kOpen);
    if (open == text.npos) break;
    const auto found = expression_in(text.substr(open + kOpen.size()));
    const auto taken = open + (found ? 0 : kOpen.size());
    before += text.substr(0, taken);
    text.remove_prefix(taken);
    if (!found) continue;
    ASSIGN_OR_RETURN(auto expression, Expression::parse(found->expression));
    made.pieces_.push_back({std::move(before), std::move(expression)});
    before.clear();
    text = found->rest;
  }
  made.rest_ = before + std::string(text);
  return made;
}

Result<std::string> TemplateText::evaluate(const Environment& environment, const Limits& limits) const {
  Budget budget(limits);
  std::string out;
  for (const auto& piece : pieces_) {
    out += piece.before;
    ASSIGN_OR_RETURN(const auto value, piece.expression.evaluate(environment, budget));
    ASSIGN_OR_RETURN(const auto text, printed(value, budget));
    out += text;
  }
  return out + rest_;
}

Result<std::string> evaluate_template(std::string_view text, const Environment& environment, const Limits& limits) {
  ASSIGN_OR_RETURN(const auto made, TemplateText::parse(text));
  return made.evaluate(environment, limits);
}

Result<Expression> parse_bare(std::string_view text) {
  for (auto at = text.find(kOpen); at != text.npos; at = text.find(kOpen, at + 1))
    if (const auto found = expression_in(text.substr(at + kOpen.size()))) return Expression::parse(found->expression);
  return Expression::parse(text);
}

}  // namespace slicemill::expression
