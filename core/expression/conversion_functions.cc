#include <fmt/core.h>

#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/expression/functions.h"
#include "core/runtime/base64.h"
#include "core/runtime/json_writer.h"

namespace slicemill::expression {
namespace {

constexpr std::size_t kJsonIndent = 2;
constexpr double kWholeBorder = 9223372036854775808.0;  // 2^63

// Messages of conversions say nothing of the text: it may be a secret.
Error conversion_error(std::string message) {
  return {ErrorCode::invalid, std::move(message), false};
}

Result<Value> type_of(const Call& call) {
  return call.made(std::string(to_string(call[0].kind())));
}

std::string_view without_plus(std::string_view text) {
  return text.size() > 1 && text[0] == '+' && text[1] != '-' ? text.substr(1) : text;
}

// A fraction is cut off.
Result<Value> to_int(const Call& call) {
  const Value& value = call[0];
  if (value.kind() == Kind::integer) return value;
  if (value.kind() == Kind::real) {
    const double whole = std::trunc(value.number());
    if (!(whole >= -kWholeBorder && whole < kWholeBorder))
      return conversion_error("int: the number does not fit into 64 bits");
    return Value(static_cast<std::int64_t>(whole));
  }
  ASSIGN_OR_RETURN(const auto text, call.text(0));
  const auto digits = without_plus(text);
  std::int64_t number = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (read.ec == std::errc::result_out_of_range) return conversion_error("int: the number does not fit into 64 bits");
  if (read.ec != std::errc() || read.ptr != digits.data() + digits.size())
    return conversion_error(text.empty() ? "int: the string is empty" : "int: the string is no whole number");
  return Value(number);
}

Result<Value> to_float(const Call& call) {
  const Value& value = call[0];
  if (value.is_number()) return Value(value.number());
  ASSIGN_OR_RETURN(const auto text, call.text(0));
  const auto digits = without_plus(text);
  double number = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (read.ec != std::errc() || read.ptr != digits.data() + digits.size() || !std::isfinite(number))
    return conversion_error(text.empty() ? "float: the string is empty" : "float: the string is no number");
  return Value(number);
}

Result<Value> to_text(const Call& call) {
  if (call[0].kind() == Kind::text) return call[0];
  ASSIGN_OR_RETURN(auto text, printed(call[0], call.budget));
  return Value(std::move(text));
}

// JSON with a line for each item, charged while it grows: deep values have more blanks than text.
class JsonPrinter {
 public:
  explicit JsonPrinter(Budget& budget) : budget_(budget) {}

  Result<void> print(const Value& value) {
    if (value.kind() == Kind::list) return print_list(value.items());
    if (value.kind() == Kind::map) return print_map(value.members());
    ASSIGN_OR_RETURN(const auto json, to_json(value, budget_));
    return put(to_compact_text(json));
  }
  std::string take() { return std::move(out_); }

 private:
  Result<void> print_list(const List& items) {
    if (items.empty()) return put("[]");
    RETURN_IF_ERROR(put("["));
    ++depth_;
    for (std::size_t i = 0; i < items.size(); ++i) {
      RETURN_IF_ERROR(new_line(i > 0));
      RETURN_IF_ERROR(print(items[i]));
    }
    --depth_;
    RETURN_IF_ERROR(new_line(false));
    return put("]");
  }

  Result<void> print_map(const Members& members) {
    if (members.empty()) return put("{}");
    RETURN_IF_ERROR(put("{"));
    ++depth_;
    bool is_first = true;
    for (const auto& [name, value] : members) {
      RETURN_IF_ERROR(new_line(!std::exchange(is_first, false)));
      RETURN_IF_ERROR(put(json_string(name)));
      RETURN_IF_ERROR(put(": "));
      RETURN_IF_ERROR(print(value));
    }
    --depth_;
    RETURN_IF_ERROR(new_line(false));
    return put("}");
  }

  Result<void> new_line(bool after_item) {
    if (after_item) out_ += ',';
    RETURN_IF_ERROR(put("\n"));
    return put(std::string(depth_ * kJsonIndent, ' '));
  }

  Result<void> put(std::string_view piece) {
    RETURN_IF_ERROR(budget_.make(1 + piece.size()));
    RETURN_IF_ERROR(budget_.step());
    out_ += piece;
    return {};
  }

  Budget& budget_;
  std::string out_;
  std::size_t depth_ = 0;
};

Result<Value> to_json_text(const Call& call) {
  JsonPrinter printer(call.budget);
  RETURN_IF_ERROR(printer.print(call[0]));
  return Value(printer.take());
}

Result<Value> from_json_text(const Call& call) {
  ASSIGN_OR_RETURN(const auto text, call.text(0));
  RETURN_IF_ERROR(call.budget.step(text.size()));
  auto json = parse_json(text, call.budget.bytes_left());
  if (!json) {
    const std::string& message = json.error().message;
    if (!message.starts_with("line ") || message.find("takes more than") != message.npos)
      return conversion_error("the expression takes too much memory");
    return conversion_error(fmt::format("fromJSON: the string is no JSON at {}", message.substr(0, message.find(':'))));
  }
  // About what the values take: no value is smaller than two characters of its text.
  RETURN_IF_ERROR(call.budget.make(text.size() / 2 * sizeof(Value)));
  return Value::from_json(*json);
}

Result<Value> to_base64_text(const Call& call) {
  ASSIGN_OR_RETURN(const auto text, call.text(0));
  RETURN_IF_ERROR(call.budget.make(text.size()));
  return call.made(to_base64(text));
}

Result<Value> from_base64_text(const Call& call) {
  ASSIGN_OR_RETURN(const auto text, call.text(0));
  RETURN_IF_ERROR(call.budget.make(text.size()));
  auto bytes = from_base64(text);
  if (!bytes) return conversion_error("fromBase64: the string is no Base64 with padding");
  return call.made(std::move(*bytes));
}

constexpr std::array kConversionFunctions = {
    Function{"type", 1, 1, type_of, Kind::text},
    Function{"int", 1, 1, to_int, Kind::integer},
    Function{"float", 1, 1, to_float, Kind::real},
    Function{"string", 1, 1, to_text, Kind::text},
    Function{"toJSON", 1, 1, to_json_text, Kind::text},
    Function{"fromJSON", 1, 1, from_json_text},
    Function{"toBase64", 1, 1, to_base64_text, Kind::text},
    Function{"fromBase64", 1, 1, from_base64_text, Kind::text},
};

}  // namespace

std::span<const Function> conversion_functions() {
  return kConversionFunctions;
}

}  // namespace slicemill::expression
