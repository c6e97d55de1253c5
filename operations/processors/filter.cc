#include "operations/processors/filter.h"

#include <fmt/format.h>

#include <boost/regex.hpp>
#include <charconv>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <variant>

#include "operations/json_record.h"
#include "operations/record_tokens.h"

namespace slicemill {
namespace {

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

// Nothing for numbers that no double can hold.
std::optional<Number> read_number(std::string_view json) {
  const char* begin = json.data();
  const char* end = begin + json.size();
  const auto read = [&](auto& number) {
    const auto [at, error] = std::from_chars(begin, end, number);
    return error == std::errc() && at == end;
  };
  if (std::int64_t number = 0; read(number)) return number;
  if (std::uint64_t number = 0; read(number)) return number;
  if (double number = 0; read(number)) return number;
  return std::nullopt;
}

bool is_number(std::string_view json) {
  return json.front() == '-' || (json.front() >= '0' && json.front() <= '9');
}

// What JSON strings stand for.
class TextReader {
 public:
  // Nothing: an escape stands for no character. Holds until the next call.
  std::optional<std::string_view> read(std::string_view json) {
    const std::string_view inside = json.substr(1, json.size() - 2);
    if (std::memchr(inside.data(), '\\', inside.size()) == nullptr) return inside;
    simdjson::ondemand::document document;
    std::string_view text;
    if (parser_.iterate(json_record::padded(json)).get(document) != simdjson::SUCCESS ||
        document.get_string().get(text) != simdjson::SUCCESS)
      return std::nullopt;
    return text;
  }

 private:
  simdjson::ondemand::parser parser_;
};

// One of the three tests, of a value as JSON.
class Condition {
 public:
  enum class Verdict { passes, does_not_pass, cannot_be_read };
  virtual ~Condition() = default;
  virtual Verdict test(std::string_view json) = 0;

 protected:
  static Verdict verdict(bool passes) { return passes ? Verdict::passes : Verdict::does_not_pass; }
};

class ValueCondition final : public Condition {
 public:
  explicit ValueCondition(Scalar wanted) : wanted_(std::move(wanted)) {}

  Verdict test(std::string_view json) override {
    if (json.front() == '"') {
      const auto text = texts_.read(json);
      if (!text) return Verdict::cannot_be_read;
      const auto* wanted = std::get_if<std::string>(&wanted_);
      return verdict(wanted != nullptr && *text == *wanted);
    }
    if (is_number(json)) {
      const auto number = read_number(json);
      if (!number) return Verdict::cannot_be_read;
      const auto* wanted = std::get_if<Number>(&wanted_);
      return verdict(wanted != nullptr && compare(*number, *wanted) == 0);
    }
    if (const auto* wanted = std::get_if<bool>(&wanted_)) return verdict(json == (*wanted ? "true" : "false"));
    return verdict(std::holds_alternative<std::nullptr_t>(wanted_) && json == "null");
  }

 private:
  Scalar wanted_;
  TextReader texts_;
};

class RangeCondition final : public Condition {
 public:
  RangeCondition(std::optional<Scalar> minimum, std::optional<Scalar> maximum)
      : minimum_(std::move(minimum)), maximum_(std::move(maximum)) {
    const auto& one = minimum_ ? *minimum_ : *maximum_;
    is_text_ = std::holds_alternative<std::string>(one);
  }

  Verdict test(std::string_view json) override {
    if (is_text_ && json.front() == '"') {
      const auto text = texts_.read(json);
      if (!text) return Verdict::cannot_be_read;
      return verdict((!minimum_ || *text >= std::get<std::string>(*minimum_)) &&
                     (!maximum_ || *text <= std::get<std::string>(*maximum_)));
    }
    if (!is_text_ && is_number(json)) {
      const auto number = read_number(json);
      if (!number) return Verdict::cannot_be_read;
      return verdict((!minimum_ || compare(*number, std::get<Number>(*minimum_)) >= 0) &&
                     (!maximum_ || compare(*number, std::get<Number>(*maximum_)) <= 0));
    }
    return Verdict::does_not_pass;
  }

 private:
  std::optional<Scalar> minimum_, maximum_;
  bool is_text_ = false;
  TextReader texts_;
};

class RegexCondition final : public Condition {
 public:
  explicit RegexCondition(const std::string& pattern)
      : pattern_(pattern, boost::regex::perl | boost::regex::optimize) {}

  Verdict test(std::string_view json) override {
    std::string_view text = json;
    if (json.front() == '"') {
      const auto read = texts_.read(json);
      if (!read) return Verdict::cannot_be_read;
      text = *read;
    } else if (!is_number(json) && json != "true" && json != "false") {
      return Verdict::does_not_pass;
    }
    return verdict(boost::regex_search(text.data(), text.data() + text.size(), pattern_));
  }

 private:
  boost::regex pattern_;
  TextReader texts_;
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
    RecordTokens tokens(batch, indexer_);
    std::size_t kept = 0;
    for (std::size_t i = 0; i < batch.records.size(); ++i) {
      const std::string_view record = batch.records[i];
      bool passes = false;
      if (auto tested = test(record, tokens.object(i), passes); !tested) {
        RETURN_IF_ERROR(rejecter_.reject(record, tested.error()));
      } else if (passes != invert_) {
        batch.records[kept++] = record;
      }
    }
    batch.records.resize(kept);
    return {};
  }
  void change_columns(std::vector<std::string>&) const override {}

 private:
  Result<void> test(std::string_view record, const std::optional<JsonValue>& object, bool& passes) {
    if (!object) return not_an_object(record);
    const auto value = find_field(*object, record, field_);
    if (!value) return {};
    try {
      const auto verdict = condition_->test(value->bytes());
      passes = verdict == Condition::Verdict::passes;
      if (verdict != Condition::Verdict::cannot_be_read) return {};
      return Error(ErrorCode::invalid,
                   fmt::format("record is not a good JSON object: {} cannot be compared, in {}", value->bytes(),
                               record_head(record)),
                   false);
    } catch (const std::runtime_error& error) {  // boost::regex gives up on a match that would take too long
      return Error(ErrorCode::invalid, fmt::format("regex: {}, in {}", error.what(), record_head(record)), false);
    }
  }

  JsonIndexer indexer_;
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
