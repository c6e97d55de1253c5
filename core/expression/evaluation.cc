#include "core/expression/evaluation.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/expression/characters.h"
#include "core/expression/operators.h"
#include "core/expression/tokens.h"

namespace slicemill::expression {

Error Evaluation::error(const Node& node, std::string_view message) const {
  return error_at(text_, node.offset, message);
}

Result<Value> Evaluation::placed(const Node& node, Result<Value> result) const {
  if (result) return result;
  return error(node, result.error().message);
}

Result<Value> Evaluation::value_of(int index) {
  const Node& node = node_at(index);
  if (const auto taken = budget_.step(); !taken) return error(node, taken.error().message);
  switch (node.kind) {
    case NodeKind::literal:
      return node.value;
    case NodeKind::name:
      return value_of_name(node);
    case NodeKind::list:
      return value_of_list(node);
    case NodeKind::map:
      return value_of_map(node);
    case NodeKind::negation:
    case NodeKind::plus:
      return negation(node);
    case NodeKind::opposite: {
      ASSIGN_OR_RETURN(const bool holds, condition(node.parts[0]));
      return Value(!holds);
    }
    case NodeKind::operation:
      return operation(node);
    case NodeKind::choice:
      return choice(node);
    case NodeKind::member:
      return member(node);
    case NodeKind::slice:
      return slice(node);
    case NodeKind::chain: {
      ASSIGN_OR_RETURN(auto value, value_of(node.parts[0]));
      is_broken_ = false;
      return value;
    }
    case NodeKind::call:
      return call(node);
    case NodeKind::method:
      return method(node);
    case NodeKind::item:
      return item(node);
    case NodeKind::declaration:
      return declaration(node);
    case NodeKind::predicate:
      break;  // evaluated by the function that it belongs to
  }
  return error(node, "a predicate stands for no value");
}

Result<bool> Evaluation::condition(int index) {
  ASSIGN_OR_RETURN(const auto value, value_of(index));
  if (value.kind() == Kind::boolean) return value.boolean();
  return error(node_at(index), fmt::format("true or false is needed here, and this is {}", to_string(value.kind())));
}

Result<Value> Evaluation::value_of_name(const Node& node) {
  const auto local =
      std::find_if(names_.rbegin(), names_.rend(), [&](const auto& one) { return one.first == node.text; });
  if (local != names_.rend()) return local->second;
  if (const auto known = environment_.variables.find(node.text); known != environment_.variables.end())
    return known->second;
  if (node.text == "$env") {
    Members all(environment_.variables.begin(), environment_.variables.end());
    return placed(node, made_map(std::move(all), budget_));
  }
  return error(node, fmt::format("unknown name {}", node.text));
}

Result<Value> Evaluation::value_of_list(const Node& node) {
  List items;
  items.reserve(node.parts.size());
  for (const int part : node.parts) {
    ASSIGN_OR_RETURN(auto value, value_of(part));
    items.push_back(std::move(value));
  }
  return placed(node, made_list(std::move(items), budget_));
}

Result<Value> Evaluation::value_of_map(const Node& node) {
  Members members;
  for (std::size_t i = 0; i < node.parts.size(); i += 2) {
    ASSIGN_OR_RETURN(const auto key, value_of(node.parts[i]));
    ASSIGN_OR_RETURN(auto value, value_of(node.parts[i + 1]));
    if (key.kind() != Kind::text && key.kind() != Kind::integer)
      return error(node_at(node.parts[i]), fmt::format("a key is a string, and this is {}", to_string(key.kind())));
    members.insert_or_assign(key.kind() == Kind::text ? key.text() : std::to_string(key.integer()), std::move(value));
  }
  return placed(node, made_map(std::move(members), budget_));
}

Result<Value> Evaluation::negation(const Node& node) {
  ASSIGN_OR_RETURN(const auto value, value_of(node.parts[0]));
  if (value.kind() == Kind::duration && node.kind == NodeKind::negation && value.duration().ns != INT64_MIN)
    return Value(DurationValue{-value.duration().ns});
  if (!value.is_number())
    return error(node, fmt::format("a sign needs a number, and this is {}", to_string(value.kind())));
  if (node.kind == NodeKind::plus) return value;
  if (value.kind() == Kind::real) return Value(-value.number());
  if (value.integer() == INT64_MIN) return error(node, "the result does not fit into 64 bits");
  return Value(-value.integer());
}

Result<Value> Evaluation::choice(const Node& node) {
  ASSIGN_OR_RETURN(const bool holds, condition(node.parts[0]));
  return value_of(node.parts[holds ? 1 : 2]);
}

Result<Value> Evaluation::member(const Node& node) {
  ASSIGN_OR_RETURN(const auto holder, value_of(node.parts[0]));
  if (is_broken_) return Value();
  if (node.is_optional && holder.is_nil()) {
    is_broken_ = true;
    return Value();
  }
  ASSIGN_OR_RETURN(const auto key, value_of(node.parts[1]));
  const bool is_written = node_at(node.parts[1]).kind == NodeKind::literal && key.kind() == Kind::text;
  return placed(node, fetch(holder, key, is_written ? std::string_view(key.text()) : to_string(key.kind())));
}

Result<Value> Evaluation::slice(const Node& node) {
  ASSIGN_OR_RETURN(const auto holder, value_of(node.parts[0]));
  if (is_broken_) return Value();
  if (holder.kind() != Kind::list && holder.kind() != Kind::text)
    return error(node, fmt::format("{} has no parts from one index to another", to_string(holder.kind())));
  const bool is_list = holder.kind() == Kind::list;
  if (!is_list) {
    if (const auto taken = budget_.step(holder.text().size() / 4); !taken) return error(node, taken.error().message);
  }
  const auto size = static_cast<std::int64_t>(is_list ? holder.items().size() : count_characters(holder.text()));
  const auto bound = [&](int part, std::int64_t otherwise) -> Result<std::int64_t> {
    if (part == kNoNode) return otherwise;
    ASSIGN_OR_RETURN(const auto value, value_of(part));
    if (value.kind() != Kind::integer)
      return error(node_at(part), fmt::format("an index is an int, and this is {}", to_string(value.kind())));
    return std::clamp<std::int64_t>(value.integer() < 0 ? value.integer() + size : value.integer(), 0, size);
  };
  ASSIGN_OR_RETURN(const auto from, bound(node.parts[1], 0));
  ASSIGN_OR_RETURN(const auto end, bound(node.parts[2], size));
  const auto to = std::max(from, end);
  if (is_list)
    return placed(node, made_list(List(holder.items().begin() + from, holder.items().begin() + to), budget_));
  const auto begin_byte = offset_of_character(holder.text(), static_cast<std::size_t>(from));
  const auto end_byte = offset_of_character(holder.text(), static_cast<std::size_t>(to));
  if (const auto taken = budget_.make(end_byte - begin_byte); !taken) return error(node, taken.error().message);
  return Value(holder.text().substr(begin_byte, end_byte - begin_byte));
}

Result<Value> Evaluation::declaration(const Node& node) {
  ASSIGN_OR_RETURN(auto value, value_of(node.parts[0]));
  names_.emplace_back(node.text, std::move(value));
  auto result = value_of(node.parts[1]);
  names_.pop_back();
  return result;
}

Value Evaluation::item(const Node& node) const {
  const Item& current = items_.back();
  if (node.text == "acc") return current.accumulator;
  if (node.text == "index") return current.index;
  return current.value;
}

Result<Value> Evaluation::call(const Node& node) {
  if (auto result = predicate_call(node)) return std::move(*result);
  const auto* function = find_function(node.text);
  if (function == nullptr) {
    const bool is_variable = environment_.variables.contains(node.text);
    return error(node, is_variable ? node.text + " is no function" : "unknown name " + node.text);
  }
  if (node.parts.size() < function->least || node.parts.size() > function->most) {
    const std::string wanted = function->least == function->most ? std::to_string(function->least)
                               : function->most == kAnyCount     ? fmt::format("at least {}", function->least)
                                                             : fmt::format("{} to {}", function->least, function->most);
    return error(node, fmt::format("invalid number of arguments for {} (expected {}, got {})", node.text, wanted,
                                   node.parts.size()));
  }
  Call made{node.text, {}, budget_, environment_};
  made.arguments.reserve(node.parts.size());
  for (const int part : node.parts) {
    ASSIGN_OR_RETURN(auto value, value_of(part));
    made.arguments.push_back(std::move(value));
  }
  return placed(node, function->run(made));
}

Result<Value> Evaluation::method(const Node& node) {
  Call made{node.text, {}, budget_, environment_};
  ASSIGN_OR_RETURN(auto holder, value_of(node.parts[0]));
  if (is_broken_) return Value();
  if (node.is_optional && holder.is_nil()) {
    is_broken_ = true;
    return Value();
  }
  made.arguments.push_back(std::move(holder));
  for (std::size_t i = 1; i < node.parts.size(); ++i) {
    ASSIGN_OR_RETURN(auto value, value_of(node.parts[i]));
    made.arguments.push_back(std::move(value));
  }
  return placed(node, call_method(made));
}

Result<Value> Evaluation::operation(const Node& node) {
  const std::string_view symbol = node.text;
  if (symbol == "and" || symbol == "&&" || symbol == "or" || symbol == "||") return logic(node);
  ASSIGN_OR_RETURN(const auto a, value_of(node.parts[0]));
  if (symbol == "??") {
    if (!a.is_nil()) return a;
    return value_of(node.parts[1]);
  }
  ASSIGN_OR_RETURN(const auto b, value_of(node.parts[1]));
  if (symbol == "==" || symbol == "!=") {
    RETURN_IF_ERROR(check_comparable(node, a, b));
  }
  return placed(node, apply_operator(symbol, a, b, budget_, patterns_));
}

Result<Value> Evaluation::logic(const Node& node) {
  const bool is_and = node.text[0] == 'a' || node.text[0] == '&';
  ASSIGN_OR_RETURN(const bool first, condition(node.parts[0]));
  if (first != is_and) return Value(first);
  ASSIGN_OR_RETURN(const bool second, condition(node.parts[1]));
  return Value(second);
}

Result<void> Evaluation::check_comparable(const Node& node, const Value& a, const Value& b) const {
  if (a.kind() == b.kind() || a.is_nil() || b.is_nil() || (a.is_number() && b.is_number())) return {};
  if (!has_fixed_kind(node.parts[0]) || !has_fixed_kind(node.parts[1])) return {};
  return error(node, fmt::format("invalid operation: {} (mismatched types {} and {}); int() and string() convert",
                                 node.text, to_string(a.kind()), to_string(b.kind())));
}

bool Evaluation::has_fixed_kind(int index) const {
  const Node& node = node_at(index);
  switch (node.kind) {
    case NodeKind::literal:
    case NodeKind::list:
    case NodeKind::map:
    case NodeKind::negation:
    case NodeKind::opposite:
      return true;
    case NodeKind::operation:
      return node.text != "??";
    case NodeKind::call: {
      const auto* function = find_function(node.text);
      return function != nullptr && function->result != Kind::nil;
    }
    case NodeKind::member: {
      const Node& holder = node_at(node.parts[0]);
      if (holder.kind != NodeKind::name) return false;
      const auto known = environment_.variables.find(holder.text);
      return known != environment_.variables.end() && known->second.kind() == Kind::map && known->second.holds_texts();
    }
    default:
      return false;
  }
}

}  // namespace slicemill::expression
