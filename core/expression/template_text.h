// Texts with expressions in them: `split-{{ item.index }}.mp4`. Pure, any thread.
//
// An expression begins with "{{" and ends with the first "}}" that stands in no text and no bracket of it. A "{{" whose
// "}}" is missing, and "{{}}", are text. What an expression gives is never read again: "{{" in a value stays as it is.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/expression/expression.h"
#include "core/runtime/result.h"

namespace slicemill::expression {

class TemplateText {
 public:
  // invalid: as Expression::parse.
  static Result<TemplateText> parse(std::string_view text);

  bool has_expressions() const { return !pieces_.empty(); }

  // The text with the value of each expression in its place, as `printed` writes it.
  Result<std::string> evaluate(const Environment& environment, const Limits& limits = {}) const;

 private:
  struct Piece {
    std::string before;
    Expression expression;
  };
  std::vector<Piece> pieces_;
  std::string rest_;
};

// Both steps for a text that is used once.
Result<std::string> evaluate_template(std::string_view text, const Environment& environment, const Limits& limits = {});

// An expression that may stand in braces: of "{{ a }}" the first one, without any the whole text.
Result<Expression> parse_bare(std::string_view text);

}  // namespace slicemill::expression
