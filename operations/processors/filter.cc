#include "operations/processors/filter.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <charconv>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <variant>

#include "core/formats/cell_types.h"
#include "core/formats/iso_date.h"
#include "core/formats/json_scan.h"
#include "core/runtime/decimal.h"
#include "operations/json_record.h"
#include "operations/known_fields.h"
#include "operations/record_tokens.h"

namespace slicemill {
namespace {

// A number of the options. Compared by its decimal text, and without that where both are short integers.
class Bound {
 public:
  explicit Bound(std::string text) : text_(std::move(text)) { is_integer_ = read_integer(text_, integer_); }

  const std::string& text() const { return text_; }

  // How the JSON number compares to this one: -1, 0, 1. Nothing: its exponent is beyond all bounds.
  std::optional<int> compare(std::string_view number) const {
    std::int64_t integer = 0;
    if (is_integer_ && read_integer(number, integer)) return integer < integer_ ? -1 : integer > integer_ ? 1 : 0;
    const auto theirs = Decimal::of(number);
    if (!theirs) return std::nullopt;
    return theirs->compare(*Decimal::of(text_));
  }

 private:
  static bool read_integer(std::string_view text, std::int64_t& integer) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), integer);
    return error == std::errc() && end == text.data() + text.size();
  }

  std::string text_;
  bool is_integer_ = false;
  std::int64_t integer_ = 0;
};

// A JSON scalar of the options. Types never match across: the number 1 is not the text "1".
using Scalar = std::variant<std::nullptr_t, bool, Bound, std::string>;

std::optional<Scalar> to_scalar(const Json& json) {
  if (json.is_null()) return Scalar(nullptr);
  if (json.is_boolean()) return Scalar(json.get<bool>());
  if (json.is_number()) return Scalar(Bound(to_compact_text(json)));
  if (json.is_string()) return Scalar(json.get<std::string>());
  return std::nullopt;
}

bool is_number(std::string_view json) {
  return json.front() == '-' || (json.front() >= '0' && json.front() <= '9');
}

// What JSON strings stand for.
class TextReader {
 public:
  // Holds until the next call. Halves of surrogate pairs are not UTF-8.
  std::string_view read(std::string_view json) {
    const std::string_view inside = json.substr(1, json.size() - 2);
    if (std::memchr(inside.data(), '\\', inside.size()) == nullptr) return inside;
    text_.clear();
    has_half_ = append_unescaped(inside, text_);
    return text_;
  }
  // The same with replacement characters in their place.
  std::string_view read_utf8(std::string_view json) {
    has_half_ = false;
    const std::string_view text = read(json);
    if (!has_half_) return text;
    replace_surrogates(text_, 0);
    return text_;
  }

 private:
  std::string text_;
  bool has_half_ = false;
};

// One of the three tests, of a value as JSON.
class Condition {
 public:
  // other_type: it does not pass, as a number is not a text.
  enum class Verdict { passes, does_not_pass, other_type, cannot_be_read };
  virtual ~Condition() = default;
  virtual Verdict test(std::string_view json) = 0;
  // The type of values that are told, if all values are of the other one: true for numbers, false for texts.
  virtual std::optional<bool> wants_numbers() const { return std::nullopt; }

 protected:
  static Verdict verdict(bool passes) { return passes ? Verdict::passes : Verdict::does_not_pass; }
};

std::optional<bool> is_of_numbers(const Scalar& wanted) {
  if (std::holds_alternative<Bound>(wanted)) return true;
  if (std::holds_alternative<std::string>(wanted)) return false;
  return std::nullopt;
}

class ValueCondition final : public Condition {
 public:
  explicit ValueCondition(Scalar wanted) : wanted_(std::move(wanted)) {}

  Verdict test(std::string_view json) override {
    if (json.front() == '"') {
      const auto* wanted = std::get_if<std::string>(&wanted_);
      return wanted != nullptr ? verdict(texts_.read(json) == *wanted) : Verdict::other_type;
    }
    if (is_number(json)) {
      const auto* wanted = std::get_if<Bound>(&wanted_);
      if (wanted == nullptr) return Verdict::other_type;
      const auto order = wanted->compare(json);
      return order ? verdict(*order == 0) : Verdict::cannot_be_read;
    }
    if (const auto* wanted = std::get_if<bool>(&wanted_)) return verdict(json == (*wanted ? "true" : "false"));
    return verdict(std::holds_alternative<std::nullptr_t>(wanted_) && json == "null");
  }
  std::optional<bool> wants_numbers() const override { return is_of_numbers(wanted_); }

 private:
  Scalar wanted_;
  TextReader texts_;
};

class RangeCondition final : public Condition {
 public:
  RangeCondition(const std::optional<Scalar>& minimum, const std::optional<Scalar>& maximum)
      : minimum_(minimum),
        maximum_(maximum),
        is_text_(std::holds_alternative<std::string>(*(minimum ? minimum : maximum))) {}

  Verdict test(std::string_view json) override {
    if (is_text_ && json.front() == '"') {
      const std::string_view text = texts_.read(json);
      const auto instant = minimum_.instant || maximum_.instant ? IsoInstant::parse(text) : std::nullopt;
      return verdict((!minimum_.text || minimum_.compare(text, instant) >= 0) &&
                     (!maximum_.text || maximum_.compare(text, instant) <= 0));
    }
    if (!is_text_ && is_number(json)) {
      const auto below = minimum_.number ? minimum_.number->compare(json) : 0;
      const auto above = maximum_.number ? maximum_.number->compare(json) : 0;
      if (!below || !above) return Verdict::cannot_be_read;
      return verdict(*below >= 0 && *above <= 0);
    }
    return json.front() == '"' || is_number(json) ? Verdict::other_type : Verdict::does_not_pass;
  }
  std::optional<bool> wants_numbers() const override { return !is_text_; }

 private:
  struct End {
    explicit End(const std::optional<Scalar>& given) {
      if (!given) return;
      if (const auto* bound = std::get_if<Bound>(&*given)) number = *bound;
      if (const auto* words = std::get_if<std::string>(&*given)) {
        text = *words;
        instant = IsoInstant::parse(*text);
      }
    }
    // Dates by the moment that they mean, other texts byte by byte.
    int compare(std::string_view other, const std::optional<IsoInstant>& other_instant) const {
      if (instant && other_instant) return other_instant->compare(*instant);
      return other.compare(*text);
    }

    std::optional<Bound> number;
    std::optional<std::string> text;
    std::optional<IsoInstant> instant;
  };

  End minimum_, maximum_;
  bool is_text_;
  TextReader texts_;
};

RE2::Options regex_options() {
  RE2::Options options;
  options.set_log_errors(false);
  return options;
}

class RegexCondition final : public Condition {
 public:
  explicit RegexCondition(const std::string& pattern) : pattern_(pattern, regex_options()) {}

  const RE2& pattern() const { return pattern_; }

  Verdict test(std::string_view json) override {
    std::string_view text = json;
    if (json.front() == '"') {
      text = texts_.read_utf8(json);
    } else if (!is_number(json) && json != "true" && json != "false") {
      return Verdict::does_not_pass;
    }
    return verdict(RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), pattern_));
  }

 private:
  RE2 pattern_;
  TextReader texts_;
};

Result<std::unique_ptr<Condition>> make_regex(const std::string& pattern) {
  auto condition = std::make_unique<RegexCondition>(pattern);
  const RE2& regex = condition->pattern();
  if (regex.ok()) return std::unique_ptr<Condition>(std::move(condition));
  std::string problem = regex.error();
  if (regex.error_code() == RE2::ErrorBadPerlOp || regex.error_code() == RE2::ErrorBadEscape)
    problem += "; look-around and backreferences do not exist here (docs/operations.md)";
  return Error(ErrorCode::invalid, fmt::format("regex: {}", problem), false);
}

Result<std::unique_ptr<Condition>> make_condition(const Json& options) {
  if (options.contains("value")) {
    auto wanted = to_scalar(options["value"]);
    if (!wanted) return Error(ErrorCode::invalid, "value: must be a text, a number, a boolean or null", false);
    return std::unique_ptr<Condition>(std::make_unique<ValueCondition>(std::move(*wanted)));
  }
  if (options.contains("regex")) return make_regex(options["regex"].get<std::string>());
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
  return std::unique_ptr<Condition>(std::make_unique<RangeCondition>(minimum, maximum));
}

Result<void> check_filter(const Json& options) {
  RETURN_IF_ERROR(check_field_option(options, "field"));
  const int given = static_cast<int>(options.contains("value")) + static_cast<int>(options.contains("regex")) +
                    static_cast<int>(options.contains("min") || options.contains("max"));
  if (given != 1) return Error(ErrorCode::invalid, "value: give exactly one of value, regex, or min and/or max", false);
  if (auto condition = make_condition(options); !condition) return condition.error();
  return {};
}

// "min 50" or "value \"a\"": the option that says of which type values are to be.
std::string test_text(const Json& options) {
  for (const auto* name : {"value", "min", "max"}) {
    if (options.contains(name)) return fmt::format("{} {}", name, to_compact_text(options[name]));
  }
  return "";
}

// Whether the field is one of texts behind these operations, for certain: a csv reader makes texts, and nothing on the
// way changes them. Backwards, as selections rename.
bool is_certainly_text(std::string field, std::span<const OperationSpec> before) {
  for (auto operation = before.rbegin(); operation != before.rend(); ++operation) {
    const std::string& name = operation->name;
    const Json& options = operation->options;
    if (name == "file_reader") {
      const std::string format = options.value("format", "");
      if ((format != "csv" && format != "tsv") || operation->is_raw()) return false;
      const auto rules = cell_rules(options);
      if (!rules || !*rules) return rules.has_value();
      return !(*rules)->is_inferred(field) && (*rules)->rule(field, {}).type == CellType::text;
    }
    if (name == "set_field" && options.value("field", "") == field) return false;
    if (name == "copy_field" && options.value("destination", "") == field) return false;
    if (name == "selection") {
      const Json casts = options.value("casts", Json::object());
      if (casts.contains(field) && casts[field] != "string") return false;
      if (options.at("fields").is_object()) field = options.at("fields").value(field, std::string());
      if (field.empty()) return false;
      continue;
    }
    const bool leaves_fields = name == "set_field" || name == "copy_field" || name == "filter" || name == "collect" ||
                               name == "delay" || name == "noop" || name == "stdout" || name == "drop_field" ||
                               name == "drop_property";
    if (!leaves_fields) return false;
  }
  return false;
}

std::optional<OperationSchema::PlaceWarning> check_filter_place(const Json& options,
                                                                std::span<const OperationSpec> before) {
  if (auto absent = absent_field_warning(options, "field", before)) return absent;
  for (const auto* name : {"min", "max"}) {
    if (!options.contains(name) || !options[name].is_string()) continue;
    const auto& text = options[name].get_ref<const std::string&>();
    if (text.empty() || text.find_first_not_of("0123456789.-") != std::string::npos || IsoInstant::parse(text))
      continue;
    return OperationSchema::PlaceWarning{
        name,
        fmt::format("{} is a text, and texts are compared byte by byte: \"9\" is above \"10\"; numbers are written "
                    "without quotes",
                    name)};
  }
  for (const auto* name : {"value", "min", "max"}) {
    if (!options.contains(name) || !options[name].is_number()) continue;
    const auto field = options.at("field").get<std::string>();
    if (!is_certainly_text(field, before)) return std::nullopt;
    return OperationSchema::PlaceWarning{
        name, fmt::format("{} is a number, and the values of csv and tsv are texts: none of \"{}\" passes, unless "
                          "`types` of the reader, or `casts` of `selection`, make numbers of them",
                          name, field)};
  }
  return std::nullopt;
}

class Filter final : public Processor {
 public:
  Result<void> initialize(const OperationContext& context) override {
    rejecter_ = RecordRejecter(context);
    ASSIGN_OR_RETURN(field_, FieldPath::parse(context.operation.options.at("field").get<std::string>()));
    invert_ = context.operation.options.value("invert", false);
    ASSIGN_OR_RETURN(condition_, make_condition(context.operation.options));
    absent_ = absent_field(context, field_);
    if (const auto wants_numbers = condition_->wants_numbers()) {
      other_type_ = context.remark(fmt::format("{}: every value of \"{}\" is of another type, none is a {}",
                                               test_text(context.operation.options), field_.text(),
                                               *wants_numbers ? "number" : "text"));
    }
    return {};
  }

  Result<void> process(RecordBatch& batch) override {
    auto done = filter(batch);
    remark();
    return done;
  }
  void change_columns(std::vector<std::string>&) const override {}

 private:
  // Of the records that a batch had.
  struct Counts {
    std::uint64_t records = 0;
    std::uint64_t with_field = 0;
    std::uint64_t of_other_type = 0;
  };

  Result<void> filter(RecordBatch& batch) {
    RecordTokens tokens(batch, indexer_);
    counts_ = {.records = batch.records.size()};
    RecordKeeper keeper(batch);
    for (std::size_t i = 0; i < batch.records.size(); ++i) {
      const std::string_view record = batch.records[i];
      bool passes = false;
      if (auto tested = test(record, tokens.object(i), passes); !tested) {
        RETURN_IF_ERROR(rejecter_.reject(batch, i, tested.error()));
      } else if (passes != invert_) {
        keeper.keep(i, record);
      }
    }
    keeper.end();
    return {};
  }
  void remark() {
    if (counts_.records > 0) absent_.make();
    if (counts_.with_field > 0) absent_.refute();
    if (counts_.of_other_type > 0) other_type_.make();
    if (counts_.with_field > counts_.of_other_type) other_type_.refute();
  }

  // One value that passes is enough.
  Result<void> test(std::string_view record, const std::optional<JsonValue>& object, bool& passes) {
    if (!object) return not_an_object(record);
    find_fields(*object, field_, found_);
    if (found_.values.empty()) return {};
    ++counts_.with_field;
    bool is_other_type = true;
    for (const JsonValue& value : found_.values) {
      const auto verdict = condition_->test(value.bytes());
      if (verdict != Condition::Verdict::other_type) is_other_type = false;
      if (verdict == Condition::Verdict::passes) passes = true;
      if (verdict == Condition::Verdict::cannot_be_read) {
        return Error(ErrorCode::invalid,
                     fmt::format("{} cannot be compared: its exponent is beyond all bounds, in {}", value.bytes(),
                                 record_head(record)),
                     false);
      }
    }
    if (is_other_type) ++counts_.of_other_type;
    return {};
  }

  JsonIndexer indexer_;
  RecordRejecter rejecter_;
  FieldPath field_;
  bool invert_ = false;
  std::unique_ptr<Condition> condition_;
  FoundFields found_;
  Counts counts_;
  OperationRemark absent_, other_type_;
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
       .description = "The field to look at, as a path such as `http.status`. A path through an array names several "
                      "values: one that passes is enough.",
       .required = true},
      {.name = "value",
       .type = OptionType::any,
       .description = "The field must equal this text, number, boolean or null; types are told apart (1 is not \"1\"), "
                      "and numbers "
                      "are compared as decimals of any length."},
      {.name = "regex",
       .type = OptionType::text,
       .description = "A regular expression that must be found somewhere in the field, which may be a text, number or "
                      "boolean. Perl's syntax without look-around and backreferences (RE2): characters are those of "
                      "Unicode, `^` and `$` are the ends of the text unless `(?m)` is given, `.` is no line end unless "
                      "`(?s)` is; `\\w`, `\\d`, `\\s` and `\\b` know ASCII only."},
      {.name = "min",
       .type = OptionType::any,
       .description =
           "The smallest value that matches: a number, or a text. Two ISO 8601 dates are compared as moments (without "
           "an offset: of UTC), other texts byte by byte. `now-1d` and the like count from the execution's start.",
       .date = DateUse::from},
      {.name = "max",
       .type = OptionType::any,
       .description = "The largest value that matches, of the same type as `min`.",
       .date = DateUse::until},
      {.name = "invert",
       .type = OptionType::boolean,
       .description = "Keeps the records that do not match instead.",
       .default_value = false},
  };
  schema.check = check_filter;
  schema.check_place = check_filter_place;
  return {std::move(schema), [] { return std::make_unique<Filter>(); }};
}

}  // namespace slicemill
