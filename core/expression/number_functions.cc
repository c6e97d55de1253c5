#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "core/expression/functions.h"

namespace slicemill::expression {
namespace {

constexpr std::int64_t kBits = 64;

Error number_error(std::string message) {
  return {ErrorCode::invalid, std::move(message), false};
}

Result<void> require_number(const Call& call, const Value& value) {
  if (value.is_number()) return {};
  return number_error(fmt::format("{} needs numbers, and one value is {}", call.name, to_string(value.kind())));
}

// Calls `take` with each number among the arguments, those in lists included.
template <typename Take>
Result<void> each_number(const Call& call, const Value& value, Take&& take) {
  RETURN_IF_ERROR(call.budget.step());
  if (value.kind() != Kind::list) {
    RETURN_IF_ERROR(require_number(call, value));
    take(value);
    return {};
  }
  for (const auto& item : value.items()) RETURN_IF_ERROR(each_number(call, item, take));
  return {};
}

Result<List> all_numbers(const Call& call) {
  List numbers;
  for (const auto& argument : call.arguments)
    RETURN_IF_ERROR(each_number(call, argument, [&](const Value& number) { numbers.push_back(number); }));
  RETURN_IF_ERROR(call.budget.make(numbers.size() * sizeof(Value)));
  return numbers;
}

Result<Value> extreme(const Call& call, int wanted) {
  ASSIGN_OR_RETURN(const auto numbers, all_numbers(call));
  Value best;
  for (const auto& number : numbers) {
    if (best.is_nil()) {
      best = number;
      continue;
    }
    ASSIGN_OR_RETURN(const int order, compare(number, best));
    if (order == wanted) best = number;
  }
  return best;
}

Result<Value> maximum(const Call& call) {
  return extreme(call, 1);
}

Result<Value> minimum(const Call& call) {
  return extreme(call, -1);
}

Result<Value> mean(const Call& call) {
  ASSIGN_OR_RETURN(const auto numbers, all_numbers(call));
  double sum = 0;
  for (const auto& number : numbers) sum += number.number();
  return Value(numbers.empty() ? 0.0 : sum / static_cast<double>(numbers.size()));
}

Result<Value> median(const Call& call) {
  ASSIGN_OR_RETURN(const auto numbers, all_numbers(call));
  if (numbers.empty()) return Value(0.0);
  RETURN_IF_ERROR(call.budget.step(numbers.size() * 16));
  std::vector<double> sorted;
  sorted.reserve(numbers.size());
  for (const auto& number : numbers) sorted.push_back(number.number());
  std::ranges::sort(sorted);
  const auto middle = sorted.size() / 2;
  return Value(sorted.size() % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2);
}

Result<Value> absolute(const Call& call) {
  RETURN_IF_ERROR(require_number(call, call[0]));
  if (call[0].kind() == Kind::real) return Value(std::abs(call[0].number()));
  if (call[0].integer() == INT64_MIN) return number_error("the result does not fit into 64 bits");
  return Value(std::abs(call[0].integer()));
}

template <double (*round_to)(double)>
Result<Value> rounded(const Call& call) {
  RETURN_IF_ERROR(require_number(call, call[0]));
  if (call[0].kind() == Kind::integer) return Value(call[0].number());
  return Value(round_to(call[0].number()));
}

double up(double number) {
  return std::ceil(number);
}
double down(double number) {
  return std::floor(number);
}
double nearest(double number) {
  return std::round(number);
}

struct Bits {
  std::uint64_t a = 0;
  std::uint64_t b = 0;
};

Result<Bits> bits_of(const Call& call) {
  ASSIGN_OR_RETURN(const auto a, call.integer(0));
  ASSIGN_OR_RETURN(const auto b, call.integer(1));
  return Bits{static_cast<std::uint64_t>(a), static_cast<std::uint64_t>(b)};
}

Value value_of_bits(std::uint64_t bits) {
  return static_cast<std::int64_t>(bits);
}

Result<Value> bit_and(const Call& call) {
  ASSIGN_OR_RETURN(const auto bits, bits_of(call));
  return value_of_bits(bits.a & bits.b);
}
Result<Value> bit_or(const Call& call) {
  ASSIGN_OR_RETURN(const auto bits, bits_of(call));
  return value_of_bits(bits.a | bits.b);
}
Result<Value> bit_xor(const Call& call) {
  ASSIGN_OR_RETURN(const auto bits, bits_of(call));
  return value_of_bits(bits.a ^ bits.b);
}
Result<Value> bit_and_not(const Call& call) {
  ASSIGN_OR_RETURN(const auto bits, bits_of(call));
  return value_of_bits(bits.a & ~bits.b);
}
Result<Value> bit_not(const Call& call) {
  ASSIGN_OR_RETURN(const auto number, call.integer(0));
  return Value(~number);
}

// How far a shift goes; from 64 on nothing is left.
Result<std::int64_t> distance(const Call& call) {
  ASSIGN_OR_RETURN(const auto count, call.integer(1));
  if (count < 0) return number_error(fmt::format("{} cannot shift by {}", call.name, count));
  return std::min(count, kBits);
}

Result<Value> shift_left(const Call& call) {
  ASSIGN_OR_RETURN(const auto number, call.integer(0));
  ASSIGN_OR_RETURN(const auto count, distance(call));
  return value_of_bits(count == kBits ? 0 : static_cast<std::uint64_t>(number) << count);
}
Result<Value> shift_right(const Call& call) {
  ASSIGN_OR_RETURN(const auto number, call.integer(0));
  ASSIGN_OR_RETURN(const auto count, distance(call));
  return Value(number >> std::min(count, kBits - 1));
}
Result<Value> shift_right_unsigned(const Call& call) {
  ASSIGN_OR_RETURN(const auto number, call.integer(0));
  ASSIGN_OR_RETURN(const auto count, distance(call));
  return value_of_bits(count == kBits ? 0 : static_cast<std::uint64_t>(number) >> count);
}

// From 0 to below the limit, each as likely.
Result<Value> random_int(const Call& call) {
  if (!call.environment.random) return number_error("there are no random numbers here");
  if (call.size() == 0) return value_of_bits(call.environment.random() >> 1);
  if (call[0].kind() != Kind::integer || call[0].integer() <= 0) return number_error("randomInt needs an int above 0");
  const auto limit = static_cast<std::uint64_t>(call[0].integer());
  const std::uint64_t fair = UINT64_MAX - UINT64_MAX % limit;
  std::uint64_t bits = call.environment.random();
  while (bits >= fair) {
    RETURN_IF_ERROR(call.budget.step());
    bits = call.environment.random();
  }
  return value_of_bits(bits % limit);
}

// Without the end.
Result<Value> sequence(const Call& call) {
  RETURN_IF_ERROR(call.require(0, Kind::integer));
  RETURN_IF_ERROR(call.require(1, Kind::integer));
  const auto start = call[0].integer();
  const auto stop = call[1].integer();
  if (start >= stop) return call.made(List());
  const auto count = static_cast<std::uint64_t>(stop) - static_cast<std::uint64_t>(start);
  RETURN_IF_ERROR(call.budget.make(std::min<std::uint64_t>(count, SIZE_MAX / sizeof(Value)) * sizeof(Value)));
  RETURN_IF_ERROR(call.budget.step(count));
  List items;
  items.reserve(count);
  for (auto number = start; number < stop; ++number) items.emplace_back(number);
  return Value::list(std::move(items));
}

constexpr std::array kNumberFunctions = {
    Function{"max", 1, kAnyCount, maximum},
    Function{"min", 1, kAnyCount, minimum},
    Function{"mean", 1, kAnyCount, mean, Kind::real},
    Function{"median", 1, kAnyCount, median, Kind::real},
    Function{"abs", 1, 1, absolute},
    Function{"ceil", 1, 1, rounded<up>, Kind::real},
    Function{"floor", 1, 1, rounded<down>, Kind::real},
    Function{"round", 1, 1, rounded<nearest>, Kind::real},
    Function{"bitand", 2, 2, bit_and, Kind::integer},
    Function{"bitor", 2, 2, bit_or, Kind::integer},
    Function{"bitxor", 2, 2, bit_xor, Kind::integer},
    Function{"bitnand", 2, 2, bit_and_not, Kind::integer},
    Function{"bitnot", 1, 1, bit_not, Kind::integer},
    Function{"bitshl", 2, 2, shift_left, Kind::integer},
    Function{"bitshr", 2, 2, shift_right, Kind::integer},
    Function{"bitushr", 2, 2, shift_right_unsigned, Kind::integer},
    Function{"randomInt", 0, 1, random_int, Kind::integer},
    Function{"sequence", 2, 2, sequence, Kind::list},
};

}  // namespace

std::span<const Function> number_functions() {
  return kNumberFunctions;
}

Result<Value> add_numbers(const Value& a, const Value& b) {
  if (a.kind() != Kind::integer || b.kind() != Kind::integer) return Value(a.number() + b.number());
  std::int64_t sum = 0;
  if (__builtin_add_overflow(a.integer(), b.integer(), &sum))
    return number_error("the result does not fit into 64 bits");
  return Value(sum);
}

}  // namespace slicemill::expression
