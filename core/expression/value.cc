#include "core/expression/value.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/expression/budget.h"
#include "core/expression/printed_numbers.h"

namespace slicemill::expression {
namespace {

constexpr double kExactIntegers = 9007199254740992.0;  // 2^53

constexpr std::size_t kItemBytes = sizeof(Value);
constexpr std::size_t kMemberBytes = 96;  // a node of a map with a short name

Result<Value> value_of_json(const Json& json, int levels) {
  if (levels == 0) return Error{ErrorCode::invalid, "the value is nested too deeply", false};
  switch (json.type()) {
    case Json::value_t::null:
      return Value();
    case Json::value_t::boolean:
      return Value(json.get<bool>());
    case Json::value_t::number_integer:
      return Value(json.get<std::int64_t>());
    case Json::value_t::number_unsigned:
      if (json.get<std::uint64_t>() > INT64_MAX) return Value(json.get<double>());
      return Value(json.get<std::int64_t>());
    case Json::value_t::number_float:
      return Value(json.get<double>());
    case Json::value_t::string:
      return Value(json.get_ref<const std::string&>());
    case Json::value_t::array: {
      List items;
      items.reserve(json.size());
      for (const auto& item : json) {
        ASSIGN_OR_RETURN(auto value, value_of_json(item, levels - 1));
        items.push_back(std::move(value));
      }
      return Value::list(std::move(items));
    }
    case Json::value_t::object: {
      Members members;
      for (const auto& [name, item] : json.items()) {
        ASSIGN_OR_RETURN(auto value, value_of_json(item, levels - 1));
        members.insert_or_assign(name, std::move(value));
      }
      return Value::map(std::move(members));
    }
    default:
      return Error{ErrorCode::internal, "binary JSON"};
  }
}

Json json_of_real(double number) {
  if (!std::isfinite(number)) return nullptr;
  if (number == std::trunc(number) && std::abs(number) <= kExactIntegers) return static_cast<std::int64_t>(number);
  return number;
}

Result<bool> equal_lists(const List& a, const List& b, Budget& budget) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ASSIGN_OR_RETURN(const bool same, equal(a[i], b[i], budget));
    if (!same) return false;
  }
  return true;
}

Result<bool> equal_maps(const Members& a, const Members& b, Budget& budget) {
  if (a.size() != b.size()) return false;
  for (auto x = a.begin(), y = b.begin(); x != a.end(); ++x, ++y) {
    if (x->first != y->first) return false;
    ASSIGN_OR_RETURN(const bool same, equal(x->second, y->second, budget));
    if (!same) return false;
  }
  return true;
}

template <typename T>
int order(const T& a, const T& b) {
  return a < b ? -1 : b < a ? 1 : 0;
}

int compare_numbers(const Value& a, const Value& b) {
  if (a.kind() == Kind::integer && b.kind() == Kind::integer) return order(a.integer(), b.integer());
  return order(a.number(), b.number());
}

bool is_same_time(const TimeValue& a, const TimeValue& b) {
  return a.second == b.second && a.ns == b.ns;
}

}  // namespace

std::string_view to_string(Kind kind) {
  switch (kind) {
    case Kind::nil:
      return "nil";
    case Kind::boolean:
      return "bool";
    case Kind::integer:
      return "int";
    case Kind::real:
      return "float";
    case Kind::text:
      return "string";
    case Kind::list:
      return "array";
    case Kind::map:
      return "map";
    case Kind::duration:
      return "time.Duration";
    case Kind::time:
      return "time.Time";
  }
  return "";
}

Value::Value(std::string value) : body_(std::make_shared<const std::string>(std::move(value))) {}

Value Value::list(List items) {
  int deepest = 0;
  for (const auto& item : items) deepest = std::max(deepest, item.depth());
  Value made;
  made.body_ = std::make_shared<const ListData>(ListData{std::move(items), deepest + 1});
  return made;
}

Value Value::map(Members members) {
  int deepest = 0;
  for (const auto& [name, item] : members) deepest = std::max(deepest, item.depth());
  Value made;
  made.body_ = std::make_shared<const MapData>(MapData{std::move(members), deepest + 1, false});
  return made;
}

Value Value::texts(const std::map<std::string, std::string>& members) {
  Members values;
  for (const auto& [name, text] : members) values.emplace_hint(values.end(), name, text);
  Value made;
  made.body_ = std::make_shared<const MapData>(MapData{std::move(values), 1, true});
  return made;
}

Result<Value> Value::from_json(const Json& json) {
  return value_of_json(json, kMostValueDepth);
}

int Value::depth() const {
  if (kind() == Kind::list) return std::get<ListBody>(body_)->depth;
  if (kind() == Kind::map) return std::get<MapBody>(body_)->depth;
  return 0;
}

double Value::number() const {
  return kind() == Kind::integer ? static_cast<double>(integer()) : std::get<double>(body_);
}

Result<Json> to_json(const Value& value, Budget& budget) {
  RETURN_IF_ERROR(budget.make(kItemBytes));
  RETURN_IF_ERROR(budget.step());
  switch (value.kind()) {
    case Kind::nil:
      return Json(nullptr);
    case Kind::boolean:
      return Json(value.boolean());
    case Kind::integer:
      return Json(value.integer());
    case Kind::real:
      return json_of_real(value.number());
    case Kind::text:
      RETURN_IF_ERROR(budget.make(value.text().size()));
      return Json(value.text());
    case Kind::duration:
      return Json(value.duration().ns);
    case Kind::time:
      return Json(rfc3339(value.time()));
    case Kind::list: {
      Json list = Json::array();
      for (const auto& item : value.items()) {
        ASSIGN_OR_RETURN(auto json, to_json(item, budget));
        list.push_back(std::move(json));
      }
      return list;
    }
    case Kind::map: {
      auto object = Json::object();
      auto& members = object.get_ref<Json::object_t&>();
      for (const auto& [name, item] : value.members()) {
        RETURN_IF_ERROR(budget.make(kMemberBytes + name.size()));
        ASSIGN_OR_RETURN(auto json, to_json(item, budget));
        members.emplace_back(name, std::move(json));  // names are unique already: no search for each
      }
      return object;
    }
  }
  return Json();
}

Result<bool> equal(const Value& a, const Value& b, Budget& budget) {
  RETURN_IF_ERROR(budget.step());
  if (a.is_number() && b.is_number()) return compare_numbers(a, b) == 0;
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::boolean:
      return a.boolean() == b.boolean();
    case Kind::text:
      RETURN_IF_ERROR(budget.look(std::min(a.text().size(), b.text().size())));
      return a.text() == b.text();
    case Kind::duration:
      return a.duration() == b.duration();
    case Kind::time:
      return is_same_time(a.time(), b.time());
    case Kind::list:
      return equal_lists(a.items(), b.items(), budget);
    case Kind::map:
      return equal_maps(a.members(), b.members(), budget);
    default:
      return true;
  }
}

Result<int> compare(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) return compare_numbers(a, b);
  if (a.kind() == b.kind()) {
    if (a.kind() == Kind::text) return order(a.text(), b.text());
    if (a.kind() == Kind::duration) return order(a.duration().ns, b.duration().ns);
    if (a.kind() == Kind::time)
      return a.time().second != b.time().second ? order(a.time().second, b.time().second)
                                                : order(a.time().ns, b.time().ns);
  }
  return Error{ErrorCode::invalid, fmt::format("{} and {} have no order", to_string(a.kind()), to_string(b.kind())),
               false};
}

}  // namespace slicemill::expression
