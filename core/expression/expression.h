// The language of expressions in jobs, such as `inputs.count + ".txt"`: parsed once, evaluated against what is known at
// that moment. Its grammar is in syntax_tree.h, its functions are in functions.h.
//
// An evaluation cannot change anything, and takes bounded time, memory and stack whatever its text and its values are.
// Numbers that do not fit, indices that are not there, and operators on the wrong kinds are errors. Any thread.
#pragma once

#include <string>
#include <string_view>

#include "core/expression/budget.h"
#include "core/expression/environment.h"
#include "core/expression/syntax_tree.h"
#include "core/expression/value.h"
#include "core/runtime/json.h"
#include "core/runtime/result.h"

namespace slicemill::expression {

class Expression {
 public:
  // invalid: "error compiling expression: <text>: <what> (<line>:<column>)". Names need not be known yet.
  static Result<Expression> parse(std::string_view text);

  // invalid: "error evaluating expression: <text>: <what> (<line>:<column>)"; no value stands in it.
  Result<Value> evaluate(const Environment& environment, const Limits& limits = {}) const;
  Result<Value> evaluate(const Environment& environment, Budget& budget) const;
  // As JSON; see to_json in value.h.
  Result<Json> evaluate_json(const Environment& environment, const Limits& limits = {}) const;

  const std::string& text() const { return text_; }

 private:
  Expression(std::string text, SyntaxTree tree) : text_(std::move(text)), tree_(std::move(tree)) {}

  std::string text_;
  SyntaxTree tree_;
};

}  // namespace slicemill::expression
