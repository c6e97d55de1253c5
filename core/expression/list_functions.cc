#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <bit>
#include <set>

#include "core/expression/characters.h"
#include "core/expression/functions.h"

namespace slicemill::expression {
namespace {

Error list_error(std::string message) {
  return {ErrorCode::invalid, std::move(message), false};
}

Result<Value> length(const Call& call) {
  const Value& value = call[0];
  switch (value.kind()) {
    case Kind::list:
      return Value(static_cast<std::int64_t>(value.items().size()));
    case Kind::map:
      return Value(static_cast<std::int64_t>(value.members().size()));
    case Kind::text:
      RETURN_IF_ERROR(call.budget.step(value.text().size() / 4));
      return Value(static_cast<std::int64_t>(count_characters(value.text())));
    default:
      return list_error(fmt::format("{} has no length", to_string(value.kind())));
  }
}

Result<Value> first(const Call& call) {
  RETURN_IF_ERROR(call.require(0, Kind::list));
  return call[0].items().empty() ? Value() : call[0].items().front();
}

Result<Value> last(const Call& call) {
  RETURN_IF_ERROR(call.require(0, Kind::list));
  return call[0].items().empty() ? Value() : call[0].items().back();
}

// nil where the plain access is an error.
Result<Value> get(const Call& call) {
  auto found = fetch(call[0], call[1], "");
  return found ? std::move(*found) : Value();
}

Result<Value> take(const Call& call) {
  RETURN_IF_ERROR(call.require(0, Kind::list));
  ASSIGN_OR_RETURN(const auto count, call.integer(1));
  if (count < 0) return list_error(fmt::format("take cannot take {} items", count));
  const auto& items = call[0].items();
  const auto taken = std::min(items.size(), static_cast<std::size_t>(count));
  RETURN_IF_ERROR(call.budget.make(taken * sizeof(Value)));
  return call.made(List(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(taken)));
}

Result<Value> reverse(const Call& call) {
  RETURN_IF_ERROR(call.require(0, Kind::list));
  RETURN_IF_ERROR(call.budget.make(call[0].items().size() * sizeof(Value)));
  return call.made(List(call[0].items().rbegin(), call[0].items().rend()));
}

Result<Value> concat(const Call& call) {
  List all;
  for (std::size_t i = 0; i < call.size(); ++i) {
    RETURN_IF_ERROR(call.require(i, Kind::list));
    RETURN_IF_ERROR(call.budget.make(call[i].items().size() * sizeof(Value)));
    all.insert(all.end(), call[i].items().begin(), call[i].items().end());
  }
  return call.made(std::move(all));
}

Result<void> flatten_into(const Value& value, Budget& budget, List& out) {
  RETURN_IF_ERROR(budget.make(sizeof(Value)));
  RETURN_IF_ERROR(budget.step());
  if (value.kind() != Kind::list) {
    out.push_back(value);
    return {};
  }
  for (const auto& item : value.items()) RETURN_IF_ERROR(flatten_into(item, budget, out));
  return {};
}

Result<Value> flatten(const Call& call) {
  RETURN_IF_ERROR(call.require(0, Kind::list));
  List out;
  RETURN_IF_ERROR(flatten_into(call[0], call.budget, out));
  return call.made(std::move(out));
}

// Which values were met already. Texts and whole numbers go by sets; the others are compared with each other.
class Known {
 public:
  explicit Known(Budget& budget) : budget_(budget) {}

  Result<bool> add(const Value& value) {
    RETURN_IF_ERROR(budget_.make(3 * sizeof(Value)));
    RETURN_IF_ERROR(budget_.step(8));
    if (value.kind() == Kind::text) {
      RETURN_IF_ERROR(budget_.look(value.text().size()));
      return texts_.insert(value.text()).second;
    }
    if (const auto number = whole_number(value)) return numbers_.insert(*number).second;
    for (const auto& other : others_) {
      ASSIGN_OR_RETURN(const bool same, equal(value, other, budget_));
      if (same) return false;
    }
    others_.push_back(value);
    return true;
  }

 private:
  Budget& budget_;
  std::set<std::string_view> texts_;
  std::set<std::int64_t> numbers_;
  List others_;
};

Result<Value> unique(const Call& call) {
  RETURN_IF_ERROR(call.require(0, Kind::list));
  Known known(call.budget);
  List kept;
  for (const auto& item : call[0].items()) {
    ASSIGN_OR_RETURN(const bool is_new, known.add(item));
    if (is_new) kept.push_back(item);
  }
  return call.made(std::move(kept));
}

Result<bool> is_descending(const Call& call) {
  if (call.size() < 2) return false;
  ASSIGN_OR_RETURN(const auto order, call.text(1));
  if (order != "asc" && order != "desc") return list_error("the order of sort is \"asc\" or \"desc\"");
  return order == "desc";
}

Result<Value> sort(const Call& call) {
  RETURN_IF_ERROR(call.require(0, Kind::list));
  ASSIGN_OR_RETURN(const bool descends, is_descending(call));
  List items = call[0].items();
  const auto size = items.size();
  RETURN_IF_ERROR(call.budget.make(2 * size * sizeof(Value)));
  RETURN_IF_ERROR(call.budget.step(size * std::bit_width(size) * 4));
  for (const auto& item : items) {
    const auto comparable = compare(items.front(), item);
    if (!comparable) return comparable.error();
  }
  std::ranges::stable_sort(
      items, [&](const Value& a, const Value& b) { return descends ? *compare(b, a) < 0 : *compare(a, b) < 0; });
  return call.made(std::move(items));
}

Result<Value> keys(const Call& call) {
  RETURN_IF_ERROR(call.require(0, Kind::map));
  List names;
  for (const auto& [name, value] : call[0].members()) {
    RETURN_IF_ERROR(call.budget.make(sizeof(Value) + name.size()));
    names.emplace_back(name);
  }
  return call.made(std::move(names));
}

Result<Value> values(const Call& call) {
  RETURN_IF_ERROR(call.require(0, Kind::map));
  RETURN_IF_ERROR(call.budget.make(call[0].members().size() * sizeof(Value)));
  List all;
  for (const auto& [name, value] : call[0].members()) all.push_back(value);
  return call.made(std::move(all));
}

Result<Value> to_pairs(const Call& call) {
  RETURN_IF_ERROR(call.require(0, Kind::map));
  List pairs;
  for (const auto& [name, value] : call[0].members()) {
    RETURN_IF_ERROR(call.budget.make(name.size()));
    ASSIGN_OR_RETURN(auto pair, call.made(List{Value(name), value}));
    pairs.push_back(std::move(pair));
  }
  return call.made(std::move(pairs));
}

Result<Value> from_pairs(const Call& call) {
  RETURN_IF_ERROR(call.require(0, Kind::list));
  Members members;
  for (const auto& pair : call[0].items()) {
    if (pair.kind() != Kind::list || pair.items().size() != 2 || pair.items()[0].kind() != Kind::text)
      return list_error("fromPairs needs pairs of a string and a value");
    RETURN_IF_ERROR(call.budget.make(pair.items()[0].text().size()));
    RETURN_IF_ERROR(call.budget.step(8));
    members.insert_or_assign(pair.items()[0].text(), pair.items()[1]);
  }
  return made_map(std::move(members), call.budget);
}

constexpr std::array kListFunctions = {
    Function{"len", 1, 1, length, Kind::integer},
    Function{"first", 1, 1, first},
    Function{"last", 1, 1, last},
    Function{"get", 2, 2, get},
    Function{"take", 2, 2, take, Kind::list},
    Function{"reverse", 1, 1, reverse, Kind::list},
    Function{"concat", 1, kAnyCount, concat, Kind::list},
    Function{"flatten", 1, 1, flatten, Kind::list},
    Function{"uniq", 1, 1, unique, Kind::list},
    Function{"sort", 1, 2, sort, Kind::list},
    Function{"keys", 1, 1, keys, Kind::list},
    Function{"values", 1, 1, values, Kind::list},
    Function{"toPairs", 1, 1, to_pairs, Kind::list},
    Function{"fromPairs", 1, 1, from_pairs, Kind::map},
};

}  // namespace

std::span<const Function> list_functions() {
  return kListFunctions;
}

}  // namespace slicemill::expression
