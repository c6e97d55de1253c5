#include "core/query/filter.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/query/date_period.h"

namespace slicemill::query {

namespace {

using Test = Condition::Kind;
using Node = FilterNode;

Condition leaf(Test kind, const Field& field) {
  Condition condition;
  condition.kind = kind;
  condition.field = &field;
  return condition;
}

Condition between(const Field& field, std::int64_t low, std::int64_t high) {
  if (low > high) return {};
  Condition condition = leaf(Test::between, field);
  condition.low = low;
  condition.high = high;
  return condition;
}

Condition matching(const Field& field, TermPattern pattern) {
  Condition condition = leaf(Test::matches, field);
  condition.pattern = std::move(pattern);
  return condition;
}

Condition containing(const Field& field, std::string terms) {
  Condition condition = leaf(Test::contains, field);
  condition.text = std::move(terms);
  return condition;
}

// Any of the words of a term, all of a phrase in their order.
Condition word_test(const Field& field, const Node& node) {
  const std::string terms = words_of(node.text);
  if (terms.size() == 1) return {};
  if (node.kind == Node::Kind::phrase) return containing(field, terms);
  Condition any;
  any.kind = Test::group;
  for (std::size_t begin = 0; begin + 1 < terms.size();) {
    const std::size_t end = terms.find(kTermEnd, begin + 1);
    any.should.push_back(containing(field, terms.substr(begin, end + 1 - begin)));
    begin = end;
  }
  return any;
}

Condition exact_test(const Field& field, const std::string& text) {
  if (field.type == FieldType::keywords) {
    if (text.find(kTermEnd) != std::string::npos) return {};
    return containing(field, fmt::format("{0}{1}{0}", kTermEnd, text));
  }
  Condition condition = leaf(Test::equals, field);
  condition.text = text;
  return condition;
}

Result<Condition> text_test(const Field& field, const Node& node) {
  const bool fold = field.type == FieldType::text;
  switch (node.kind) {
    case Node::Kind::wildcard:
      return matching(field, TermPattern::wildcard(fold ? lower_case(node.text) : node.text));
    case Node::Kind::regex: {
      ASSIGN_OR_RETURN(TermPattern pattern, TermPattern::regex(node.text, fold));
      return matching(field, std::move(pattern));
    }
    case Node::Kind::range: {
      TermPattern::Range range{node.low, node.high, node.low_included, node.high_included};
      if (fold && range.low) range.low = lower_case(*range.low);
      if (fold && range.high) range.high = lower_case(*range.high);
      return matching(field, TermPattern::range(std::move(range)));
    }
    default:
      return fold ? word_test(field, node) : exact_test(field, node.text);
  }
}

// The values that a text stands for: one number, or all of a period.
struct Span {
  std::int64_t first, last;
};

Result<Span> number_span(const std::string& text, bool rounds_up) {
  std::int64_t whole = 0;
  const char* end = text.data() + text.size();
  if (auto [at, error] = std::from_chars(text.data(), end, whole); error == std::errc() && at == end)
    return Span{whole, whole};
  double number = 0;
  auto [at, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || at != end || !std::isfinite(number) || std::abs(number) > 9e15)
    return Error(ErrorCode::invalid, fmt::format("\"{}\" is no number", text));
  // A bound between two whole numbers excludes the one on its far side by itself.
  const auto rounded = static_cast<std::int64_t>(rounds_up ? std::ceil(number) : std::floor(number));
  return static_cast<double>(rounded) == number ? Span{rounded, rounded}
                                                : Span{rounded - (rounds_up ? 1 : 0), rounded + (rounds_up ? 0 : 1)};
}

Result<Span> value_span(const Field& field, const std::string& text, WallMs now, bool rounds_up) {
  if (field.type == FieldType::date) {
    ASSIGN_OR_RETURN(const DatePeriod period, parse_date_period(text, now));
    return Span{period.first, period.last};
  }
  if (field.type == FieldType::integer) return number_span(text, rounds_up);
  if (text == "true") return Span{1, 1};
  if (text == "false") return Span{0, 0};
  return Error(ErrorCode::invalid, fmt::format("\"{}\" is neither true nor false", text));
}

Result<Condition> range_test(const Field& field, const Node& node, WallMs now) {
  Condition range = leaf(Test::between, field);
  if (node.low) {
    ASSIGN_OR_RETURN(const Span span, value_span(field, *node.low, now, true));
    const bool whole = span.first == span.last || field.type == FieldType::date;
    if (!whole) {
      range.low = span.last;
    } else if (node.low_included) {
      range.low = span.first;
    } else if (span.last == INT64_MAX) {
      return Condition{};
    } else {
      range.low = span.last + 1;
    }
  }
  if (node.high) {
    ASSIGN_OR_RETURN(const Span span, value_span(field, *node.high, now, false));
    const bool whole = span.first == span.last || field.type == FieldType::date;
    if (!whole) {
      range.high = span.first;
    } else if (node.high_included) {
      range.high = span.last;
    } else if (span.first == INT64_MIN) {
      return Condition{};
    } else {
      range.high = span.first - 1;
    }
  }
  return range.low > range.high ? Condition{} : range;
}

Result<Condition> value_test(const Field& field, const Node& node, WallMs now) {
  switch (node.kind) {
    case Node::Kind::wildcard:
    case Node::Kind::regex:
      return Error(ErrorCode::invalid, fmt::format("{} takes values, not patterns", field.name));
    case Node::Kind::range:
      return range_test(field, node, now);
    default: {
      ASSIGN_OR_RETURN(const Span span, value_span(field, node.text, now, false));
      if (field.type == FieldType::integer && span.first != span.last) return Condition{};
      return between(field, span.first, span.last);
    }
  }
}

Result<Condition> field_test(const Field& field, const Node& node, WallMs now) {
  const bool is_text =
      field.type == FieldType::keyword || field.type == FieldType::keywords || field.type == FieldType::text;
  return is_text ? text_test(field, node) : value_test(field, node, now);
}

class Binder {
 public:
  Binder(std::string_view text, std::span<const Field> fields, WallMs now) : text_(text), fields_(fields), now_(now) {}

  Result<Condition> bind(const Node& node) const {
    switch (node.kind) {
      case Node::Kind::group:
        return bind_group(node);
      case Node::Kind::everything: {
        Condition always;
        always.kind = Test::always;
        return always;
      }
      case Node::Kind::exists: {
        const Field* field = find_field(fields_, node.field);
        return field == nullptr ? Condition{} : leaf(Test::exists, *field);
      }
      default:
        break;
    }
    if (node.field.empty()) return bind_any_field(node);
    const Field* field = find_field(fields_, node.field);
    if (field == nullptr) return check_unknown(node);
    auto condition = field_test(*field, node, now_);
    if (!condition) return filter_error(text_, node.at, condition.error().message);
    return condition;
  }

 private:
  Result<Condition> bind_group(const Node& node) const {
    Condition group;
    group.kind = Test::group;
    for (const Node& clause : node.clauses) {
      ASSIGN_OR_RETURN(Condition bound, bind(clause));
      auto& list = clause.occur == Node::Occur::must       ? group.must
                   : clause.occur == Node::Occur::must_not ? group.must_not
                                                           : group.should;
      list.push_back(std::move(bound));
    }
    return group;
  }

  // Fields whose type the value is not of do not match. A broken expression is an error for all of them.
  Result<Condition> bind_any_field(const Node& node) const {
    RETURN_IF_ERROR(check_unknown(node));
    Condition any;
    any.kind = Test::group;
    for (const Field& field : fields_) {
      auto condition = field_test(field, node, now_);
      if (condition && condition->kind != Test::never) any.should.push_back(std::move(*condition));
    }
    return any.should.empty() ? Condition{} : any;
  }

  // Nothing matches; a broken expression is an error still.
  Result<Condition> check_unknown(const Node& node) const {
    if (node.kind != Node::Kind::regex) return Condition{};
    auto pattern = TermPattern::regex(node.text, false);
    if (!pattern) return filter_error(text_, node.at, pattern.error().message);
    return Condition{};
  }

  std::string_view text_;
  std::span<const Field> fields_;
  WallMs now_;
};

bool leaf_holds(const Condition& condition, const Value& value) {
  if (std::holds_alternative<std::monostate>(value)) return false;
  if (condition.kind == Test::exists) return true;
  if (const auto* number = std::get_if<std::int64_t>(&value))
    return condition.kind == Test::between && *number >= condition.low && *number <= condition.high;
  const std::string& text = std::get<std::string>(value);
  if (condition.kind == Test::equals) return text == condition.text;
  if (condition.kind == Test::contains) return text.find(condition.text) != std::string::npos;
  if (condition.kind != Test::matches) return false;
  return condition.field->type == FieldType::keyword ? condition.pattern->matches(text)
                                                     : condition.pattern->matches_any(text);
}

bool group_holds(const Condition& group, const Json& document) {
  for (const Condition& part : group.must)
    if (!holds(part, document)) return false;
  for (const Condition& part : group.must_not)
    if (holds(part, document)) return false;
  if (!group.must.empty() || group.should.empty()) return true;
  for (const Condition& part : group.should)
    if (holds(part, document)) return true;
  return false;
}

}  // namespace

Error filter_error(std::string_view text, std::size_t at, std::string_view what) {
  const auto characters = std::ranges::count_if(text.substr(0, std::min(at, text.size())),
                                                [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
  return {ErrorCode::invalid, fmt::format("bad filter at character {}: {}", characters + 1, what)};
}

Result<Filter> bind_filter(const FilterTree& tree, std::span<const Field> fields, WallMs now) {
  ASSIGN_OR_RETURN(Condition condition, Binder(tree.text, fields, now).bind(tree.root));
  return Filter{tree.text, std::move(condition)};
}

bool holds(const Condition& condition, const Json& document) {
  switch (condition.kind) {
    case Test::never:
      return false;
    case Test::always:
      return true;
    case Test::group:
      return group_holds(condition, document);
    default:
      return leaf_holds(condition, value_of(*condition.field, document));
  }
}

}  // namespace slicemill::query
