#include "operations/processors/filter.h"

#include <fmt/format.h>

#include <boost/regex.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <variant>

#include "operations/json_record.h"

namespace slicemill {
namespace {

namespace ondemand = simdjson::ondemand;

using Number = std::variant<std::int64_t, std::uint64_t, double>;

// -1, 0, 1; integers are compared exactly, mixed pairs as doubles. NaN does not occur in JSON.
int compare(const Number& a, const Number& b) {
  return std::visit(
      [](auto x, auto y) {
        if constexpr (std::is_integral_v<decltype(x)> && std::is_integral_v<decltype(y)>) {
          return std::cmp_less(x, y) ? -1 : std::cmp_less(y, x) ? 1 : 0;
        } else {
          const auto dx = static_cast<double>(x), dy = static_cast<double>(y);
          return dx < dy ? -1 : dy < dx ? 1 : 0;
        }
      },
      a, b);
}

// A JSON scalar of the options. Types never match across: the number 1 is not the text "1".
using Scalar = std::variant<std::nullptr_t, bool, Number, std::string>;

std::optional<Scalar> to_scalar(const Json& json) {
  if (json.is_null()) return Scalar(nullptr);
  if (json.is_boolean()) return Scalar(json.get<bool>());
  if (json.is_number_unsigned()) return Scalar(Number(json.get<std::uint64_t>()));
  if (json.is_number_integer()) return Scalar(Number(json.get<std::int64_t>()));
  if (json.is_number_float()) return Scalar(Number(json.get<double>()));
  if (json.is_string()) return Scalar(json.get<std::string>());
  return std::nullopt;
}

simdjson::error_code read_number(ondemand::value& value, Number& number) {
  ondemand::number read;
  if (auto error = value.get_number().get(read)) return error;
  if (read.is_int64()) {
    number = read.get_int64();
  } else if (read.is_uint64()) {
    number = read.get_uint64();
  } else {
    number = read.get_double();
  }
  return simdjson::SUCCESS;
}

// One of the three tests. True: the field's value passes.
class Condition {
 public:
  virtual ~Condition() = default;
  virtual simdjson::error_code test(ondemand::value& value, ondemand::json_type type, bool& passes) = 0;
};

class ValueCondition final : public Condition {
 public:
  explicit ValueCondition(Scalar wanted) : wanted_(std::move(wanted)) {}

  simdjson::error_code test(ondemand::value& value, ondemand::json_type type, bool& passes) override {
    passes = false;
    switch (type) {
      case ondemand::json_type::null:
        passes = std::holds_alternative<std::nullptr_t>(wanted_);
        return simdjson::SUCCESS;
      case ondemand::json_type::boolean: {
        bool flag = false;
        if (auto error = value.get_bool().get(flag)) return error;
        passes = wanted_ == Scalar(flag);
        return simdjson::SUCCESS;
      }
      case ondemand::json_type::number: {
        Number number;
        if (auto error = read_number(value, number)) return error;
        const auto* wanted = std::get_if<Number>(&wanted_);
        passes = wanted != nullptr && compare(number, *wanted) == 0;
        return simdjson::SUCCESS;
      }
      case ondemand::json_type::string: {
        std::string_view text;
        if (auto error = value.get_string().get(text)) return error;
        const auto* wanted = std::get_if<std::string>(&wanted_);
        passes = wanted != nullptr && text == *wanted;
        return simdjson::SUCCESS;
      }
      default:
        return simdjson::SUCCESS;
    }
  }

 private:
  Scalar wanted_;
};

class RangeCondition final : public Condition {
 public:
  RangeCondition(std::optional<Scalar> minimum, std::optional<Scalar> maximum)
      : minimum_(std::move(minimum)), maximum_(std::move(maximum)) {
    const auto& one = minimum_ ? *minimum_ : *maximum_;
    is_text_ = std::holds_alternative<std::string>(one);
  }

  simdjson::error_code test(ondemand::value& value, ondemand::json_type type, bool& passes) override {
    passes = false;
    if (is_text_ && type == ondemand::json_type::string) {
      std::string_view text;
      if (auto error = value.get_string().get(text)) return error;
      passes = (!minimum_ || text >= std::get<std::string>(*minimum_)) &&
               (!maximum_ || text <= std::get<std::string>(*maximum_));
    } else if (!is_text_ && type == ondemand::json_type::number) {
      Number number;
      if (auto error = read_number(value, number)) return error;
      passes = (!minimum_ || compare(number, std::get<Number>(*minimum_)) >= 0) &&
               (!maximum_ || compare(number, std::get<Number>(*maximum_)) <= 0);
    }
    return simdjson::SUCCESS;
  }

 private:
  std::optional<Scalar> minimum_, maximum_;
  bool is_text_ = false;
};

class RegexCondition final : public Condition {
 public:
  explicit RegexCondition(const std::string& pattern)
      : pattern_(pattern, boost::regex::perl | boost::regex::optimize) {}

  simdjson::error_code test(ondemand::value& value, ondemand::json_type type, bool& passes) override {
    passes = false;
    std::string_view text;
    if (type == ondemand::json_type::string) {
      if (auto error = value.get_string().get(text)) return error;
    } else if (type == ondemand::json_type::number || type == ondemand::json_type::boolean) {
      if (auto error = json_record::bytes_of(value, text)) return error;
    } else {
      return simdjson::SUCCESS;
    }
    passes = boost::regex_search(text.data(), text.data() + text.size(), pattern_);
    return simdjson::SUCCESS;
  }

 private:
  boost::regex pattern_;
};

Result<std::unique_ptr<Condition>> make_condition(const Json& options) {
  if (options.contains("value")) {
    auto wanted = to_scalar(options["value"]);
    if (!wanted) return Error(ErrorCode::invalid, "value: must be a text, a number, a boolean or null", false);
    return std::unique_ptr<Condition>(std::make_unique<ValueCondition>(std::move(*wanted)));
  }
  if (options.contains("regex")) {
    try {
      return std::unique_ptr<Condition>(std::make_unique<RegexCondition>(options["regex"].get<std::string>()));
    } catch (const boost::regex_error& error) {
      return Error(ErrorCode::invalid, fmt::format("regex: {} (at byte {})", error.what(), error.position()), false);
    }
  }
  std::optional<Scalar> minimum, maximum;
  for (auto [name, target] : {std::pair{"min", &minimum}, std::pair{"max", &maximum}}) {
    if (!options.contains(name)) continue;
    *target = to_scalar(options[name]);
    const bool is_good = options[name].is_number() || options[name].is_string();
    if (!is_good) return Error(ErrorCode::invalid, fmt::format("{}: must be a number or a text", name), false);
  }
  if (minimum && maximum && minimum->index() != maximum->index()) {
    return Error(ErrorCode::invalid, "max: must be of the same type as min", false);
  }
  return std::unique_ptr<Condition>(std::make_unique<RangeCondition>(std::move(minimum), std::move(maximum)));
}

Result<void> check_filter(const Json& options) {
  RETURN_IF_ERROR(check_field_option(options, "field"));
  const int given = static_cast<int>(options.contains("value")) + static_cast<int>(options.contains("regex")) +
                    static_cast<int>(options.contains("min") || options.contains("max"));
  if (given != 1) return Error(ErrorCode::invalid, "value: give exactly one of value, regex, or min and/or max", false);
  if (auto condition = make_condition(options); !condition) return condition.error();
  return {};
}

class Filter final : public Processor {
 public:
  Result<void> initialize(const OperationContext& context) override {
    rejecter_ = RecordRejecter(context);
    ASSIGN_OR_RETURN(field_, FieldPath::parse(context.options.at("field").get<std::string>()));
    invert_ = context.options.value("invert", false);
    ASSIGN_OR_RETURN(condition_, make_condition(context.options));
    return {};
  }

  Result<void> process(RecordBatch& batch) override {
    std::size_t kept = 0;
    for (const auto record : batch.records) {
      bool passes = false;
      if (auto tested = test(record, passes); !tested) {
        RETURN_IF_ERROR(rejecter_.reject(record, tested.error()));
      } else if (passes != invert_) {
        batch.records[kept++] = record;
      }
    }
    batch.records.resize(kept);
    return {};
  }

 private:
  Result<void> test(std::string_view record, bool& passes) {
    ondemand::document document;
    ondemand::object object;
    ondemand::value value;
    if (auto error = parser_.iterate(json_record::padded(record)).get(document)) return record_error(record, error);
    if (auto error = document.get_object().get(object)) return record_error(record, error);
    if (auto error = json_record::find(object, record, field_, value)) {
      if (error == simdjson::NO_SUCH_FIELD) return {};
      return record_error(record, error);
    }
    ondemand::json_type type;
    if (auto error = value.type().get(type)) return record_error(record, error);
    try {
      if (auto error = condition_->test(value, type, passes)) return record_error(record, error);
    } catch (const std::runtime_error& error) {  // boost::regex gives up on a match that would take too long
      return Error(ErrorCode::invalid, fmt::format("regex: {}, in {}", error.what(), record_head(record)), false);
    }
    return {};
  }

  simdjson::ondemand::parser parser_;
  RecordRejecter rejecter_;
  FieldPath field_;
  bool invert_ = false;
  std::unique_ptr<Condition> condition_;
};

}  // namespace

OperationEntry filter_operation() {
  OperationSchema schema;
  schema.name = "filter";
  schema.kind = OperationKind::processor;
  schema.description =
      "Keeps the records whose field passes the one test that is given: `value`, `regex`, or `min` and/or `max`. A "
      "record without the "
      "field does not pass.";
  schema.options = {
      {.name = "field",
       .type = OptionType::text,
       .description = "The field to look at, as a path such as `http.status`.",
       .required = true},
      {.name = "value",
       .type = OptionType::any,
       .description =
           "The field must equal this text, number, boolean or null; types are told apart (1 is not \"1\")."},
      {.name = "regex",
       .type = OptionType::text,
       .description = "A Perl regular expression that must be found somewhere in the field, which may be a text, "
                      "number or boolean."},
      {.name = "min",
       .type = OptionType::any,
       .description =
           "The smallest value that matches: a number, or a text for comparison byte by byte (as for ISO dates)."},
      {.name = "max",
       .type = OptionType::any,
       .description = "The largest value that matches, of the same type as `min`."},
      {.name = "invert",
       .type = OptionType::boolean,
       .description = "Keeps the records that do not match instead.",
       .default_value = false},
  };
  schema.check = check_filter;
  return {std::move(schema), [] { return std::make_unique<Filter>(); }};
}

}  // namespace slicemill
