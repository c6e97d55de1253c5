#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <bit>

#include "core/expression/evaluation.h"

namespace slicemill::expression {
namespace {

constexpr std::array<std::string_view, 16> kPredicateNames = {
    "all",  "none",      "any",      "one",           "filter",  "map",     "count",  "sum",
    "find", "findIndex", "findLast", "findLastIndex", "groupBy", "countBy", "sortBy", "reduce"};

constexpr std::uint64_t kGroupSteps = 16;  // to find the group of an item

}  // namespace

std::optional<Result<Value>> Evaluation::predicate_call(const Node& node) {
  if (std::ranges::find(kPredicateNames, node.text) == kPredicateNames.end()) return {};
  auto holder = value_of(node.parts[0]);
  if (!holder) return Result<Value>(holder.error());
  return over(node, *holder);
}

Result<Value> Evaluation::over(const Node& node, const Value& holder) {
  if (holder.kind() != Kind::list)
    return error(node, fmt::format("{} goes over an array, and this is {}", node.text, to_string(holder.kind())));
  const List& items = holder.items();
  const std::string_view name = node.text;
  if (name == "all" || name == "any" || name == "none" || name == "one") return tested(node, items);
  if (name.starts_with("find")) return found(node, items);
  if (name == "filter") return filtered(node, items);
  if (name == "map") return mapped(node, items);
  if (name == "count") return counted(node, items);
  if (name == "sum") return summed(node, items);
  if (name == "groupBy" || name == "countBy") return grouped(node, items);
  if (name == "sortBy") return sorted(node, items);
  return reduced(node, items);
}

Result<Value> Evaluation::of_predicate(const Node& node, const Item& item) {
  items_.push_back(item);
  auto value = value_of(node_at(node.parts[1]).parts[0]);
  items_.pop_back();
  return value;
}

Result<bool> Evaluation::holds(const Node& node, const Item& item) {
  ASSIGN_OR_RETURN(const auto value, of_predicate(node, item));
  if (value.kind() == Kind::boolean) return value.boolean();
  return error(node_at(node.parts[1]),
               fmt::format("the predicate of {} must be true or false, and is {}", node.text, to_string(value.kind())));
}

Result<Value> Evaluation::tested(const Node& node, const List& items) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < items.size(); ++i) {
    ASSIGN_OR_RETURN(const bool is_true, holds(node, {items[i], {}, static_cast<std::int64_t>(i)}));
    if (is_true) ++count;
    if (node.text == "all" && !is_true) return Value(false);
    if (node.text == "any" && is_true) return Value(true);
    if (node.text == "none" && is_true) return Value(false);
    if (node.text == "one" && count > 1) return Value(false);
  }
  if (node.text == "any") return Value(false);
  return Value(node.text != "one" || count == 1);
}

Result<Value> Evaluation::found(const Node& node, const List& items) {
  const bool is_last = node.text.find("Last") != node.text.npos;
  const bool wants_index = node.text.ends_with("Index");
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::size_t at = is_last ? items.size() - 1 - i : i;
    ASSIGN_OR_RETURN(const bool is_true, holds(node, {items[at], {}, static_cast<std::int64_t>(at)}));
    if (is_true) return wants_index ? Value(static_cast<std::int64_t>(at)) : items[at];
  }
  return wants_index ? Value(-1) : Value();
}

Result<Value> Evaluation::filtered(const Node& node, const List& items) {
  List kept;
  for (std::size_t i = 0; i < items.size(); ++i) {
    ASSIGN_OR_RETURN(const bool is_true, holds(node, {items[i], {}, static_cast<std::int64_t>(i)}));
    if (is_true) kept.push_back(items[i]);
  }
  return placed(node, made_list(std::move(kept), budget_));
}

Result<Value> Evaluation::mapped(const Node& node, const List& items) {
  List results;
  for (std::size_t i = 0; i < items.size(); ++i) {
    ASSIGN_OR_RETURN(auto value, of_predicate(node, {items[i], {}, static_cast<std::int64_t>(i)}));
    results.push_back(std::move(value));
  }
  return placed(node, made_list(std::move(results), budget_));
}

// Without a predicate the items themselves are true or false.
Result<Value> Evaluation::counted(const Node& node, const List& items) {
  std::int64_t count = 0;
  for (std::size_t i = 0; i < items.size(); ++i) {
    bool is_true = false;
    if (node.parts.size() > 1) {
      ASSIGN_OR_RETURN(is_true, holds(node, {items[i], {}, static_cast<std::int64_t>(i)}));
    } else {
      if (items[i].kind() != Kind::boolean)
        return error(node, fmt::format("count without a predicate counts what is true, and an item is {}",
                                       to_string(items[i].kind())));
      is_true = items[i].boolean();
    }
    if (is_true) ++count;
  }
  return Value(count);
}

Result<Value> Evaluation::summed(const Node& node, const List& items) {
  Value total(0);
  for (std::size_t i = 0; i < items.size(); ++i) {
    Value number = items[i];
    if (node.parts.size() > 1) {
      ASSIGN_OR_RETURN(number, of_predicate(node, {items[i], {}, static_cast<std::int64_t>(i)}));
    }
    if (!number.is_number())
      return error(node, fmt::format("sum needs numbers, and one value is {}", to_string(number.kind())));
    ASSIGN_OR_RETURN(total, placed(node, add_numbers(total, number)));
  }
  return total;
}

// A group has the text of what its items have in common as its name.
Result<Value> Evaluation::grouped(const Node& node, const List& items) {
  std::map<std::string, List> groups;
  for (std::size_t i = 0; i < items.size(); ++i) {
    ASSIGN_OR_RETURN(const auto key, of_predicate(node, {items[i], {}, static_cast<std::int64_t>(i)}));
    if (const auto taken = budget_.step(kGroupSteps); !taken) return error(node, taken.error().message);
    auto name = printed(key, budget_);
    if (!name) return error(node, name.error().message);
    groups[std::move(*name)].push_back(items[i]);
  }
  Members members;
  for (auto& [name, group] : groups) {
    if (node.text == "countBy") {
      members.emplace(name, static_cast<std::int64_t>(group.size()));
    } else {
      ASSIGN_OR_RETURN(auto list, placed(node, made_list(std::move(group), budget_)));
      members.emplace(name, std::move(list));
    }
  }
  return placed(node, made_map(std::move(members), budget_));
}

Result<Value> Evaluation::sorted(const Node& node, const List& items) {
  bool descends = false;
  if (node.parts.size() > 2) {
    ASSIGN_OR_RETURN(const auto order, value_of(node.parts[2]));
    if (order.kind() != Kind::text || (order.text() != "asc" && order.text() != "desc"))
      return error(node, "the order of sortBy is \"asc\" or \"desc\"");
    descends = order.text() == "desc";
  }
  std::vector<std::pair<Value, Value>> keyed;
  for (std::size_t i = 0; i < items.size(); ++i) {
    ASSIGN_OR_RETURN(auto key, of_predicate(node, {items[i], {}, static_cast<std::int64_t>(i)}));
    if (const auto comparable = compare(keyed.empty() ? key : keyed.front().first, key); !comparable)
      return error(node, comparable.error().message);
    keyed.emplace_back(std::move(key), items[i]);
  }
  if (const auto taken = budget_.step(items.size() * std::bit_width(items.size()) * 4); !taken)
    return error(node, taken.error().message);
  std::ranges::stable_sort(keyed, [&](const auto& a, const auto& b) {
    return descends ? *compare(b.first, a.first) < 0 : *compare(a.first, b.first) < 0;
  });
  List result;
  for (auto& [key, item] : keyed) result.push_back(std::move(item));
  return placed(node, made_list(std::move(result), budget_));
}

// Without a start the first item is it.
Result<Value> Evaluation::reduced(const Node& node, const List& items) {
  Value accumulator;
  std::size_t begin = 0;
  if (node.parts.size() > 2) {
    ASSIGN_OR_RETURN(accumulator, value_of(node.parts[2]));
  } else {
    if (items.empty()) return error(node, "reduce of an empty array needs a start");
    accumulator = items[0];
    begin = 1;
  }
  for (std::size_t i = begin; i < items.size(); ++i) {
    ASSIGN_OR_RETURN(accumulator, of_predicate(node, {items[i], accumulator, static_cast<std::int64_t>(i)}));
  }
  return accumulator;
}

}  // namespace slicemill::expression
