// Operators with two operands, but for those that need not look at both. Pure.
#pragma once

#include <string_view>

#include "core/expression/budget.h"
#include "core/expression/patterns.h"
#include "core/expression/value.h"
#include "core/runtime/result.h"

namespace slicemill::expression {

// invalid: the operands are of kinds for which the operator has no meaning; or the result does not fit.
Result<Value> apply_operator(std::string_view symbol, const Value& a, const Value& b, Budget& budget,
                             Patterns& patterns);

}  // namespace slicemill::expression
