#include "core/expression/operators.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "core/expression/functions.h"

namespace slicemill::expression {
namespace {

constexpr std::int64_t kNsPerSecond = 1'000'000'000;

Error operand_error(std::string_view symbol, const Value& a, const Value& b) {
  return {ErrorCode::invalid,
          fmt::format("invalid operation: {} {} {}", to_string(a.kind()), symbol, to_string(b.kind())), false};
}

Error overflow() {
  return {ErrorCode::invalid, "the result does not fit into 64 bits", false};
}

Result<Value> later(const TimeValue& time, std::int64_t ns) {
  TimeValue moved = time;
  std::int64_t part = ns % kNsPerSecond;
  std::int64_t seconds = ns / kNsPerSecond;
  part += time.ns;
  if (part < 0) {
    part += kNsPerSecond;
    --seconds;
  } else if (part >= kNsPerSecond) {
    part -= kNsPerSecond;
    ++seconds;
  }
  moved.second += seconds;
  moved.ns = static_cast<std::int32_t>(part);
  return Value(moved);
}

Result<Value> product(const Value& a, const Value& b) {
  if (!a.is_number() || !b.is_number()) return operand_error("*", a, b);
  if (a.kind() == Kind::real || b.kind() == Kind::real) return Value(a.number() * b.number());
  std::int64_t result = 0;
  if (__builtin_mul_overflow(a.integer(), b.integer(), &result)) return overflow();
  return Value(result);
}

// Always a real, as in 7 / 2.
Result<Value> quotient(const Value& a, const Value& b) {
  if (!a.is_number() || !b.is_number()) return operand_error("/", a, b);
  if (b.number() == 0) return Error{ErrorCode::invalid, "division by zero", false};
  return Value(a.number() / b.number());
}

Result<Value> remainder(const Value& a, const Value& b) {
  const auto dividend = whole_number(a);
  const auto divisor = whole_number(b);
  if (!dividend || !divisor) return operand_error("%", a, b);
  if (*divisor == 0) return Error{ErrorCode::invalid, "division by zero", false};
  return Value(*divisor == -1 ? 0 : *dividend % *divisor);
}

Result<Value> power(std::string_view symbol, const Value& a, const Value& b) {
  if (!a.is_number() || !b.is_number()) return operand_error(symbol, a, b);
  return Value(std::pow(a.number(), b.number()));
}

Result<Value> ordered(std::string_view symbol, const Value& a, const Value& b) {
  const auto order = compare(a, b);
  if (!order) return operand_error(symbol, a, b);
  if (symbol == "<") return Value(*order < 0);
  if (symbol == ">") return Value(*order > 0);
  return Value(symbol == "<=" ? *order <= 0 : *order >= 0);
}

Result<Value> sum(const Value& a, const Value& b, Budget& budget) {
  if (a.is_number() && b.is_number()) return add_numbers(a, b);
  if (a.kind() == Kind::text && b.kind() == Kind::text) {
    RETURN_IF_ERROR(budget.make(a.text().size() + b.text().size() + sizeof(Value)));
    return Value(a.text() + b.text());
  }
  if (a.kind() == Kind::time && b.kind() == Kind::duration) return later(a.time(), b.duration().ns);
  if (a.kind() == Kind::duration && b.kind() == Kind::time) return later(b.time(), a.duration().ns);
  if (a.kind() == Kind::duration && b.kind() == Kind::duration) {
    DurationValue total;
    if (__builtin_add_overflow(a.duration().ns, b.duration().ns, &total.ns)) return overflow();
    return Value(total);
  }
  return operand_error("+", a, b);
}

Result<Value> difference(const Value& a, const Value& b) {
  if (a.kind() == Kind::integer && b.kind() == Kind::integer) {
    std::int64_t result = 0;
    if (__builtin_sub_overflow(a.integer(), b.integer(), &result)) return overflow();
    return Value(result);
  }
  if (a.is_number() && b.is_number()) return Value(a.number() - b.number());
  if (a.kind() == Kind::time && b.kind() == Kind::duration) {
    if (b.duration().ns == INT64_MIN) return overflow();
    return later(a.time(), -b.duration().ns);
  }
  DurationValue apart;
  if (a.kind() == Kind::time && b.kind() == Kind::time) {
    std::int64_t seconds = 0;
    if (__builtin_sub_overflow(a.time().second, b.time().second, &seconds) ||
        __builtin_mul_overflow(seconds, kNsPerSecond, &apart.ns) ||
        __builtin_add_overflow(apart.ns, a.time().ns - b.time().ns, &apart.ns))
      return overflow();
    return Value(apart);
  }
  if (a.kind() == Kind::duration && b.kind() == Kind::duration) {
    if (__builtin_sub_overflow(a.duration().ns, b.duration().ns, &apart.ns)) return overflow();
    return Value(apart);
  }
  return operand_error("-", a, b);
}

// Both ends included.
Result<Value> range(const Value& a, const Value& b, Budget& budget) {
  const auto first = whole_number(a);
  const auto last = whole_number(b);
  if (!first || !last) return operand_error("..", a, b);
  if (*first > *last) return made_list({}, budget);
  const auto count = static_cast<std::uint64_t>(*last) - static_cast<std::uint64_t>(*first);  // less one
  RETURN_IF_ERROR(
      budget.make(std::min<std::uint64_t>(count, SIZE_MAX / sizeof(Value) - 1) * sizeof(Value) + sizeof(Value)));
  RETURN_IF_ERROR(budget.step(count));
  List items;
  items.reserve(count + 1);
  for (std::uint64_t i = 0; i <= count; ++i)
    items.emplace_back(static_cast<std::int64_t>(static_cast<std::uint64_t>(*first) + i));
  return Value::list(std::move(items));
}

Result<Value> is_in(const Value& a, const Value& b, Budget& budget) {
  if (b.is_nil()) return Value(false);
  if (b.kind() == Kind::map) {
    if (a.kind() == Kind::integer) return Value(b.members().contains(std::to_string(a.integer())));
    if (a.kind() != Kind::text) return operand_error("in", a, b);
    return Value(b.members().contains(a.text()));
  }
  if (b.kind() != Kind::list) return operand_error("in", a, b);
  for (const auto& item : b.items()) {
    ASSIGN_OR_RETURN(const bool same, equal(a, item, budget));
    if (same) return Value(true);
  }
  return Value(false);
}

Result<Value> text_test(std::string_view symbol, const Value& a, const Value& b, Budget& budget, Patterns& patterns) {
  if (a.is_nil() || b.is_nil()) return Value(false);
  if (a.kind() != Kind::text || b.kind() != Kind::text) return operand_error(symbol, a, b);
  const std::string& text = a.text();
  RETURN_IF_ERROR(budget.step(1 + text.size() / 16));
  if (symbol == "startsWith") return Value(text.starts_with(b.text()));
  if (symbol == "endsWith") return Value(text.ends_with(b.text()));
  if (symbol == "contains") return Value(text.find(b.text()) != text.npos);
  ASSIGN_OR_RETURN(const bool matches, patterns.matches(text, b.text()));
  return Value(matches);
}

}  // namespace

Result<Value> apply_operator(std::string_view symbol, const Value& a, const Value& b, Budget& budget,
                             Patterns& patterns) {
  if (symbol == "==" || symbol == "!=") {
    ASSIGN_OR_RETURN(const bool same, equal(a, b, budget));
    return Value(same == (symbol == "=="));
  }
  if (symbol == "+") return sum(a, b, budget);
  if (symbol == "-") return difference(a, b);
  if (symbol == "*") return product(a, b);
  if (symbol == "/") return quotient(a, b);
  if (symbol == "%") return remainder(a, b);
  if (symbol == "**" || symbol == "^") return power(symbol, a, b);
  if (symbol == "..") return range(a, b, budget);
  if (symbol == "in") return is_in(a, b, budget);
  if (symbol[0] == '<' || symbol[0] == '>') return ordered(symbol, a, b);
  return text_test(symbol, a, b, budget, patterns);
}

}  // namespace slicemill::expression
