#include "core/expression/functions.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace slicemill::expression {
namespace {

constexpr double kIntegerBorder = 9223372036854775808.0;  // 2^63
constexpr std::size_t kMapNodeBytes = 96;

Error argument_error(const Call& call, std::size_t index, std::string_view wanted) {
  return {ErrorCode::invalid,
          fmt::format("argument {} of {} must be {}, and is {}", index + 1, call.name, wanted,
                      to_string(call[index].kind())),
          false};
}

Result<void> check_holder(std::size_t count, std::size_t each, int depth, Budget& budget) {
  if (depth >= kMostValueDepth) return Error{ErrorCode::invalid, "the value is nested too deeply", false};
  return budget.make(count * each + sizeof(Value));
}

}  // namespace

Result<void> Call::require(std::size_t index, Kind kind) const {
  if (arguments[index].kind() == kind) return {};
  return argument_error(*this, index, to_string(kind));
}

std::optional<std::int64_t> whole_number(const Value& value) {
  if (value.kind() == Kind::integer) return value.integer();
  if (value.kind() != Kind::real) return {};
  const double number = value.number();
  if (number != std::trunc(number) || number < -kIntegerBorder || number >= kIntegerBorder) return {};
  return static_cast<std::int64_t>(number);
}

Result<std::int64_t> Call::integer(std::size_t index) const {
  if (const auto number = whole_number(arguments[index])) return *number;
  return argument_error(*this, index, "int");
}

Result<std::string_view> Call::text(std::size_t index) const {
  RETURN_IF_ERROR(require(index, Kind::text));
  return std::string_view(arguments[index].text());
}

Result<Value> Call::made(std::string text) const {
  RETURN_IF_ERROR(budget.make(text.size() + sizeof(Value)));
  return Value(std::move(text));
}

Result<Value> Call::made(List items) const {
  return made_list(std::move(items), budget);
}

Result<Value> made_list(List items, Budget& budget) {
  int deepest = 0;
  for (const auto& item : items) deepest = std::max(deepest, item.depth());
  RETURN_IF_ERROR(check_holder(items.size(), sizeof(Value), deepest, budget));
  return Value::list(std::move(items));
}

Result<Value> made_map(Members members, Budget& budget) {
  int deepest = 0;
  for (const auto& [name, item] : members) deepest = std::max(deepest, item.depth());
  RETURN_IF_ERROR(check_holder(members.size(), kMapNodeBytes, deepest, budget));
  return Value::map(std::move(members));
}

const Function* find_function(std::string_view name) {
  static const auto functions = [] {
    std::map<std::string_view, const Function*> all;
    for (const auto part :
         {text_functions(), list_functions(), number_functions(), conversion_functions(), time_functions()})
      for (const auto& function : part) all.emplace(function.name, &function);
    return all;
  }();
  const auto found = functions.find(name);
  return found == functions.end() ? nullptr : found->second;
}

Result<Value> fetch(const Value& holder, const Value& key, std::string_view shown) {
  const auto error = [](std::string message) { return Error{ErrorCode::invalid, std::move(message), false}; };
  if (holder.kind() == Kind::map) {
    if (key.kind() != Kind::text && key.kind() != Kind::integer)
      return error(fmt::format("a member of a map has a name, and not a {}", to_string(key.kind())));
    const auto& members = holder.members();
    const auto found = members.find(key.kind() == Kind::text ? key.text() : std::to_string(key.integer()));
    if (found != members.end()) return found->second;
    return holder.holds_texts() ? Value("") : Value();
  }
  if (holder.kind() == Kind::list) {
    if (key.kind() != Kind::integer)
      return error(fmt::format("an array has no member {}; its items have numbers", shown));
    const auto size = static_cast<std::int64_t>(holder.items().size());
    const std::int64_t index = key.integer() < 0 ? key.integer() + size : key.integer();
    if (index < 0 || index >= size)
      return error(fmt::format("index out of range: {} (array length is {})", key.integer(), size));
    return holder.items()[static_cast<std::size_t>(index)];
  }
  if (holder.kind() == Kind::text)
    return error(
        fmt::format("a string has no member {}; fromJSON reads one that holds JSON, s[0:1] is a part of it", shown));
  return error(fmt::format("cannot fetch {} from {}", shown, to_string(holder.kind())));
}

}  // namespace slicemill::expression
