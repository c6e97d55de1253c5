// What expressions compute with: JSON's kinds of values, integers apart from other numbers, and times and durations.
//
// Lists, maps and texts are shared and never change, so a copy costs nothing. A value is at most kMostValueDepth deep,
// so that what walks over it may recurse. Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/runtime/json.h"
#include "core/runtime/result.h"

namespace slicemill::expression {

class Budget;
class Value;

inline constexpr int kMostValueDepth = 200;

enum class Kind : std::uint8_t { nil, boolean, integer, real, text, list, map, duration, time };

// As the function `type` says it: "nil", "bool", "int", "float", "string", "array", "map", "time.Duration",
// "time.Time".
std::string_view to_string(Kind kind);

struct DurationValue {
  std::int64_t ns = 0;
  bool operator==(const DurationValue&) const = default;
};

struct TimeValue {
  std::int64_t second = 0;  // since 1970, in UTC
  std::int32_t ns = 0;      // of the second
  std::int32_t offset = 0;  // seconds that its clock is ahead of UTC
};

using List = std::vector<Value>;
using Members = std::map<std::string, Value, std::less<>>;

class Value {
 public:
  Value() = default;
  Value(bool value) : body_(value) {}                           // NOLINT(google-explicit-constructor)
  Value(std::int64_t value) : body_(value) {}                   // NOLINT(google-explicit-constructor)
  Value(int value) : body_(std::int64_t{value}) {}              // NOLINT(google-explicit-constructor)
  Value(double value) : body_(value) {}                         // NOLINT(google-explicit-constructor)
  Value(DurationValue value) : body_(value) {}                  // NOLINT(google-explicit-constructor)
  Value(TimeValue value) : body_(value) {}                      // NOLINT(google-explicit-constructor)
  Value(std::string value);                                     // NOLINT(google-explicit-constructor)
  Value(std::string_view value) : Value(std::string(value)) {}  // NOLINT(google-explicit-constructor)
  Value(const char* value) : Value(std::string(value)) {}       // NOLINT(google-explicit-constructor)

  // Require: no item is deeper than kMostValueDepth - 1 (see depth()).
  static Value list(List items);
  static Value map(Members members);
  // A map of texts only: a member that it lacks is "", where other maps answer nil.
  static Value texts(const std::map<std::string, std::string>& members);
  // invalid: deeper than kMostValueDepth.
  static Result<Value> from_json(const Json& json);

  Kind kind() const { return static_cast<Kind>(body_.index()); }
  bool is_nil() const { return kind() == Kind::nil; }
  bool is_number() const { return kind() == Kind::integer || kind() == Kind::real; }
  int depth() const;  // 0: no list and no map

  // Each requires its kind.
  bool boolean() const { return std::get<bool>(body_); }
  std::int64_t integer() const { return std::get<std::int64_t>(body_); }
  double number() const;  // of an integer or a real
  const std::string& text() const { return *std::get<TextBody>(body_); }
  const List& items() const { return std::get<ListBody>(body_)->items; }
  const Members& members() const { return std::get<MapBody>(body_)->members; }
  bool holds_texts() const { return std::get<MapBody>(body_)->is_texts; }
  DurationValue duration() const { return std::get<DurationValue>(body_); }
  TimeValue time() const { return std::get<TimeValue>(body_); }

 private:
  struct ListData {
    List items;
    int depth = 1;
  };
  struct MapData {
    Members members;
    int depth = 1;
    bool is_texts = false;
  };
  using TextBody = std::shared_ptr<const std::string>;
  using ListBody = std::shared_ptr<const ListData>;
  using MapBody = std::shared_ptr<const MapData>;

  // In the order of Kind.
  std::variant<std::monostate, bool, std::int64_t, double, TextBody, ListBody, MapBody, DurationValue, TimeValue> body_;
};

// The text that stands in a string for a value: `true`, `5`, `1e+06`, `<nil>`, `[1 2]`, `map[a:1 b:2]`, `1h30m0s`.
// Texts within lists have no quotes. Charges what it writes.
Result<std::string> printed(const Value& value, Budget& budget);

// Times as RFC 3339, durations in nanoseconds, integers without a point, whatever computed them. Charges what it makes.
Result<Json> to_json(const Value& value, Budget& budget);

// By value: 1 equals 1.0, lists and maps by their members; values of different kinds differ. Charges what it looks at.
Result<bool> equal(const Value& a, const Value& b, Budget& budget);

// -1, 0, 1: numbers, texts (by bytes), durations, times. invalid: other kinds, or two kinds that do not compare.
Result<int> compare(const Value& a, const Value& b);

}  // namespace slicemill::expression
