#include "operations/processors/routers.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "core/formats/iso_date.h"
#include "core/formats/json_scan.h"
#include "core/runtime/ascii.h"
#include "operations/json_record.h"
#include "operations/known_fields.h"
#include "operations/metadata_ways.h"
#include "operations/record_tokens.h"

namespace slicemill {
namespace {

Error bad_option(std::string_view option, std::string_view why) {
  return {ErrorCode::invalid, fmt::format("{}: {}", option, why), false};
}

// What all of them do: a route for each record. A derived one says which.
class Router : public Processor {
 public:
  Result<void> initialize(const OperationContext& context) override {
    rejecter_ = RecordRejecter(context);
    return {};
  }

  Result<void> process(RecordBatch& batch) override {
    batch.begin_metadata();
    RecordTokens tokens(batch, indexer_);
    RecordKeeper keeper(batch);
    std::string_view last;  // neighbours often have the same
    for (std::size_t i = 0; i < batch.records.size(); ++i) {
      route_.clear();
      if (auto routed = find_route(batch, i, tokens, route_); !routed) {
        RETURN_IF_ERROR(rejecter_.reject(batch, i, routed.error()));
        continue;
      }
      if (route_ != last) last = batch.copy(route_);
      batch.metadata[i].route = last;
      keeper.keep(i, batch.records[i]);
    }
    keeper.end();
    return {};
  }
  void change_columns(std::vector<std::string>&) const override {}

 protected:
  // Appends the route of record i, or nothing if it has none.
  virtual Result<void> find_route(const RecordBatch& batch, std::size_t i, RecordTokens& tokens,
                                  std::string& route) = 0;

 private:
  JsonIndexer indexer_;
  RecordRejecter rejecter_;
  std::string route_;
};

Result<std::string_view> key_at(const RecordBatch& batch, std::size_t i) {
  if (!batch.metadata[i].key.empty()) return batch.metadata[i].key;
  return Error(ErrorCode::invalid, "the record has no key: set_key found no text and no number in its field", false);
}

// Fields of records as texts.
class FieldTexts {
 public:
  Result<void> initialize(const OperationContext& context, const std::vector<std::string>& paths) {
    for (const std::string& path : paths) {
      ASSIGN_OR_RETURN(FieldPath field, FieldPath::parse(path));
      absent_.push_back(absent_field(context, field));
      fields_.push_back(std::move(field));
    }
    return {};
  }
  std::size_t size() const { return fields_.size(); }
  const FieldPath& field(std::size_t number) const { return fields_[number]; }

  // The value; nothing: the record does not have the field, or it is null.
  Result<std::optional<JsonValue>> value(const JsonValue& record, std::size_t number) {
    absent_[number].make();
    find_fields(record, fields_[number], found_);
    if (found_.values.empty()) return std::optional<JsonValue>();
    absent_[number].refute();
    if (found_.is_list || found_.values.size() > 1) return bad(number, "is a list of values");
    if (found_.values[0].bytes() == "null") return std::optional<JsonValue>();
    return std::optional(found_.values[0]);
  }

  // Appends the value as it is written, a text without its quotes; nothing for no value.
  Result<void> append_text(const JsonValue& record, std::size_t number, std::string& text) {
    ASSIGN_OR_RETURN(const auto found, value(record, number));
    if (!found) return {};
    const std::string_view json = found->bytes();
    if (!json.starts_with('"'))
      text += json;
    else if (append_unescaped(json.substr(1, json.size() - 2), text))
      return bad(number, "holds half of a surrogate pair, which is no character");
    return {};
  }

  Error bad(std::size_t number, std::string_view why) const {
    return {ErrorCode::invalid, fmt::format("the field `{}` {}", fields_[number].text(), why), false};
  }

 private:
  std::vector<FieldPath> fields_;
  std::vector<OperationRemark> absent_;
  FoundFields found_;
};

Result<JsonValue> object_at(const RecordBatch& batch, std::size_t i, RecordTokens& tokens) {
  const auto object = tokens.object(i);
  if (!object) return not_an_object(batch.records[i]);
  return *object;
}

Result<void> check_paths(const Json& options, const char* option) {
  const auto given = options.find(option);
  if (given == options.end()) return {};
  for (const Json& path : *given)
    if (const auto parsed = FieldPath::parse(path.get<std::string>()); !parsed)
      return bad_option(option, parsed.error().message);
  return {};
}

// ---- key_router -----------------------------------------------------------------------------------------------------

// Where the character begins that is so many characters away from the beginning or the end.
std::size_t characters_from_begin(std::string_view text, std::size_t count) {
  std::size_t at = 0;
  for (; count > 0 && at < text.size(); --count) {
    ++at;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) ++at;
  }
  return at;
}
std::size_t characters_from_end(std::string_view text, std::size_t count) {
  std::size_t at = text.size();
  for (; count > 0 && at > 0; --count) {
    --at;
    while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) --at;
  }
  return at;
}

char upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

class KeyRouter final : public Router {
 public:
  Result<void> initialize(const OperationContext& context) override {
    const Json& options = context.operation.options;
    use_ = static_cast<std::size_t>(options.value("use", std::int64_t{0}));
    from_end_ = options.value("from", "") == "end";
    case_ = options.value("case", "preserve");
    has_suffix_ = options.value("suffix_use", false) && use_ == 1;
    upper_ = options.value("suffix_upper", "");
    lower_ = options.value("suffix_lower", "");
    number_ = options.value("suffix_number", "");
    other_ = options.value("suffix_other", "");
    return Router::initialize(context);
  }

 private:
  Result<void> find_route(const RecordBatch& batch, std::size_t i, RecordTokens&, std::string& route) override {
    ASSIGN_OR_RETURN(std::string_view key, key_at(batch, i));
    if (use_ > 0)
      key = from_end_ ? key.substr(characters_from_end(key, use_)) : key.substr(0, characters_from_begin(key, use_));
    route = key;
    if (has_suffix_) route += suffix_of(key.front());
    if (case_ == "lower")
      for (char& c : route) c = lower(c);
    if (case_ == "upper")
      for (char& c : route) c = upper(c);
    return {};
  }

  const std::string& suffix_of(char c) const {
    if (c >= 'A' && c <= 'Z') return upper_;
    if (c >= 'a' && c <= 'z') return lower_;
    return c >= '0' && c <= '9' ? number_ : other_;
  }

  std::size_t use_ = 0;  // characters; 0: all
  bool from_end_ = false;
  std::string case_;
  bool has_suffix_ = false;
  std::string upper_, lower_, number_, other_;  // suffixes
};

Result<void> check_key_router(const Json& options) {
  const bool has_use = options.contains("use"), has_from = options.contains("from");
  if (has_use != has_from)
    return bad_option(has_use ? "from" : "use",
                      "`use` and `from` need each other: how many characters, and from where");
  if (!options.value("suffix_use", false)) return {};
  if (!has_use) return bad_option("suffix_use", "needs `use` and `from`");
  for (const char* suffix : {"suffix_upper", "suffix_lower", "suffix_number", "suffix_other"})
    if (!options.value(suffix, std::string()).empty()) return {};
  return bad_option("suffix_use", "needs one of suffix_upper, suffix_lower, suffix_number and suffix_other");
}

OptionSpec suffix_option(std::string name, std::string_view of) {
  return {.name = std::move(name),
          .type = OptionType::text,
          .description = fmt::format("With suffix_use: what is put behind {}.", of),
          .default_value = "",
          .allow_empty = true};
}

// ---- date_router ----------------------------------------------------------------------------------------------------

constexpr std::int64_t kMsOfSecond = 1000;
constexpr std::int64_t kWeekSeconds = 7 * 86'400;

// Rounded down, as years before 1970 need it.
std::int64_t floor_divided(std::int64_t value, std::int64_t by) {
  return value / by - (value % by < 0 ? 1 : 0);
}

class DateRouter final : public Router {
 public:
  Result<void> initialize(const OperationContext& context) override {
    const Json& options = context.operation.options;
    uses_clock_ = options.value("use_clock_time", false);
    if (!uses_clock_) RETURN_IF_ERROR(field_.initialize(context, {options.at("field").get<std::string>()}));
    resolution_ = options.value("resolution", "daily");
    delimiter_ = options.value("date_delimiter", ".");
    if (options.value("include_date_units", false)) unit_delimiter_ = options.value("date_unit_delimiter", "_");
    return Router::initialize(context);
  }
  Result<void> begin(const SliceContext& slice) override {
    created_second_ = floor_divided(slice.created_ms, kMsOfSecond);
    return {};
  }

 private:
  Result<void> find_route(const RecordBatch& batch, std::size_t i, RecordTokens& tokens, std::string& route) override {
    ASSIGN_OR_RETURN(const std::int64_t second, second_of(batch, i, tokens));
    if (resolution_ == "weekly_epoch") {
      add(route, "week", fmt::format("{}", floor_divided(second, kWeekSeconds)));
      return {};
    }
    using namespace std::chrono;
    const sys_seconds moment{seconds(second)};
    const auto day = floor<days>(moment);
    const year_month_day date(day);
    add(route, "year", fmt::format("{:04}", static_cast<int>(date.year())));
    if (resolution_ == "yearly") return {};
    if (resolution_ == "weekly") {
      const sys_days first(date.year() / January / 1);
      add(route, "week", fmt::format("{:02}", floor<weeks>(day - first).count()));
      return {};
    }
    add(route, "month", fmt::format("{:02}", static_cast<unsigned>(date.month())));
    if (resolution_ == "monthly") return {};
    add(route, "day", fmt::format("{:02}", static_cast<unsigned>(date.day())));
    if (resolution_ == "daily") return {};
    add(route, "hour", fmt::format("{:02}", floor<hours>(moment - day).count()));
    return {};
  }

  void add(std::string& route, std::string_view unit, const std::string& number) const {
    if (!route.empty()) route += delimiter_;
    if (unit_delimiter_) route.append(unit).append(*unit_delimiter_);
    route += number;
  }

  Result<std::int64_t> second_of(const RecordBatch& batch, std::size_t i, RecordTokens& tokens) {
    if (uses_clock_) return created_second_;
    ASSIGN_OR_RETURN(const JsonValue record, object_at(batch, i, tokens));
    ASSIGN_OR_RETURN(const auto value, field_.value(record, 0));
    if (!value) return field_.bad(0, "is missing or null, and no date");
    text_.clear();
    RETURN_IF_ERROR(field_.append_text(record, 0, text_));
    const bool is_text = value->bytes().starts_with('"');
    if (const auto second = is_text ? second_of_text() : second_of_number()) return *second;
    return field_.bad(0, fmt::format("is no date in ISO 8601, and no number of milliseconds since 1970: {}",
                                     text_head(value->bytes())));
  }

  std::optional<std::int64_t> second_of_text() const {
    const auto instant = IsoInstant::parse(text_);
    return instant ? std::optional(instant->second()) : std::nullopt;
  }

  // Of the years that have four digits.
  std::optional<std::int64_t> second_of_number() const {
    constexpr double kFirst = -62'167'219'200'000.0, kBehindLast = 253'402'300'800'000.0;
    double ms = 0;
    const auto [end, code] = std::from_chars(text_.data(), text_.data() + text_.size(), ms);
    const bool is_number = code == std::errc() && end == text_.data() + text_.size();
    if (!is_number || !(ms >= kFirst && ms < kBehindLast)) return std::nullopt;
    return floor_divided(static_cast<std::int64_t>(std::floor(ms)), kMsOfSecond);
  }

  bool uses_clock_ = false;
  std::int64_t created_second_ = 0;  // of the slice: the same for each attempt
  FieldTexts field_;
  std::string resolution_, delimiter_;
  std::optional<std::string> unit_delimiter_;
  std::string text_;
};

Result<void> check_date_router(const Json& options) {
  if (!options.contains("field") && !options.value("use_clock_time", false))
    return bad_option("field", "is required, unless `use_clock_time` is true");
  RETURN_IF_ERROR(check_field_option(options, "field"));
  for (const char* option : {"date_delimiter", "date_unit_delimiter"}) {
    const auto given = options.value(option, std::string());
    if (given.size() > 1 || (!given.empty() && std::string_view("-_./").find(given) == std::string_view::npos))
      return bad_option(option, "must be one of \"-\"|\"_\"|\".\"|\"/\"|\"\"");
  }
  return {};
}

// ---- field_router ---------------------------------------------------------------------------------------------------

class FieldRouter final : public Router {
 public:
  Result<void> initialize(const OperationContext& context) override {
    const Json& options = context.operation.options;
    RETURN_IF_ERROR(fields_.initialize(context, options.at("fields").get<std::vector<std::string>>()));
    field_delimiter_ = options.value("field_delimiter", "-");
    value_delimiter_ = options.value("value_delimiter", "_");
    has_names_ = options.value("include_field_names", true);
    return Router::initialize(context);
  }

 private:
  Result<void> find_route(const RecordBatch& batch, std::size_t i, RecordTokens& tokens, std::string& route) override {
    ASSIGN_OR_RETURN(const JsonValue record, object_at(batch, i, tokens));
    for (std::size_t number = 0; number < fields_.size(); ++number) {
      if (number > 0) route += field_delimiter_;
      if (has_names_) route.append(fields_.field(number).text()).append(value_delimiter_);
      const std::size_t begin = route.size();
      RETURN_IF_ERROR(fields_.append_text(record, number, route));
      for (std::size_t at = begin; at < route.size(); ++at)
        if (route[at] == '=' || route[at] == '/') route[at] = '_';
    }
    return {};
  }

  FieldTexts fields_;
  std::string field_delimiter_, value_delimiter_;
  bool has_names_ = true;
};

Result<void> check_field_router(const Json& options) {
  if (options.at("fields").empty()) return bad_option("fields", "must name at least one field");
  return check_paths(options, "fields");
}

// ---- hash_router ----------------------------------------------------------------------------------------------------

// FNV-1a of 32 bits.
std::uint32_t partition_hash(std::string_view bytes) {
  std::uint32_t hash = 0x811c9dc5;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x01000193;
  return hash;
}

class HashRouter final : public Router {
 public:
  Result<void> initialize(const OperationContext& context) override {
    const Json& options = context.operation.options;
    partitions_ = static_cast<std::uint32_t>(options.at("partitions").get<std::int64_t>());
    RETURN_IF_ERROR(
        fields_.initialize(context, options.value("fields", Json::array()).get<std::vector<std::string>>()));
    return Router::initialize(context);
  }

 private:
  Result<void> find_route(const RecordBatch& batch, std::size_t i, RecordTokens& tokens, std::string& route) override {
    hashed_.clear();
    if (fields_.size() == 0) {
      ASSIGN_OR_RETURN(hashed_, key_at(batch, i));
    } else {
      ASSIGN_OR_RETURN(const JsonValue record, object_at(batch, i, tokens));
      for (std::size_t number = 0; number < fields_.size(); ++number)
        RETURN_IF_ERROR(fields_.append_text(record, number, hashed_));
    }
    route = fmt::format("{}", partition_hash(hashed_) % partitions_);
    return {};
  }

  std::uint32_t partitions_ = 1;
  FieldTexts fields_;
  std::string hashed_;
};

bool uses_key(const Json& options) {
  return options.value("fields", Json::array()).empty();
}

OperationSchema router_schema(std::string name, std::string description) {
  OperationSchema schema;
  schema.name = std::move(name);
  schema.kind = OperationKind::processor;
  schema.description = std::move(description);
  schema.sets_route = true;
  return schema;
}

}  // namespace

OperationEntry key_router_operation() {
  OperationSchema schema = router_schema(
      "key_router",
      "Gives each record its key (`set_key`), or a part of it, as the route that `routed_sender` writes it "
      "by.");
  schema.options = {
      {.name = "use",
       .type = OptionType::integer,
       .description = "How many characters of the key are the route; needs `from`. Without it all.",
       .minimum = 1},
      {.name = "from",
       .type = OptionType::text,
       .description = "At which end of the key they are; needs `use`.",
       .choices = {"beginning", "end"}},
      {.name = "case",
       .type = OptionType::text,
       .description = "What becomes of the letters A to Z and a to z of the route.",
       .default_value = "preserve",
       .choices = {"preserve", "lower", "upper"}},
      {.name = "suffix_use",
       .type = OptionType::boolean,
       .description = "Puts a suffix behind a route of one character (`use` 1), by what that is, before its case is "
                      "changed.",
       .default_value = false},
      suffix_option("suffix_upper", "A to Z"),
      suffix_option("suffix_lower", "a to z"),
      suffix_option("suffix_number", "0 to 9"),
      suffix_option("suffix_other", "any other character"),
  };
  schema.check = check_key_router;
  schema.check_job = [](const Json&, const JobScope& scope) {
    return check_metadata_ways(scope, RecordMetadatum::key, true);
  };
  return {std::move(schema), [] { return std::make_unique<KeyRouter>(); }};
}

OperationEntry date_router_operation() {
  OperationSchema schema = router_schema(
      "date_router", "Gives each record its date, in UTC, as the route that `routed_sender` writes it by.");
  schema.options = {
      {.name = "field",
       .type = OptionType::text,
       .description = "The field with the date, as a path: ISO 8601, or milliseconds since 1970. Required but with "
                      "use_clock_time."},
      {.name = "use_clock_time",
       .type = OptionType::boolean,
       .description = "Takes the time at which the slice was made instead.",
       .default_value = false},
      {.name = "resolution",
       .type = OptionType::text,
       .description = "How long a route lasts: `weekly` counts whole weeks since 1 January, `weekly_epoch` since 1970.",
       .default_value = "daily",
       .choices = {"hourly", "daily", "weekly", "weekly_epoch", "monthly", "yearly"}},
      {.name = "date_delimiter",
       .type = OptionType::text,
       .description = "What stands between year, month, day and hour: `-`, `_`, `.`, `/` or nothing.",
       .default_value = ".",
       .allow_empty = true},
      {.name = "include_date_units",
       .type = OptionType::boolean,
       .description = "Puts the unit before each number: `year_2026.month_11`.",
       .default_value = false},
      {.name = "date_unit_delimiter",
       .type = OptionType::text,
       .description = "What stands between a unit and its number: `-`, `_`, `.`, `/` or nothing.",
       .default_value = "_",
       .allow_empty = true},
  };
  schema.check = check_date_router;
  schema.check_place = [](const Json& options, std::span<const OperationSpec> before) {
    return absent_field_warning(options, "field", before);
  };
  return {std::move(schema), [] { return std::make_unique<DateRouter>(); }};
}

OperationEntry field_router_operation() {
  OperationSchema schema =
      router_schema("field_router",
                    "Gives each record the values of fields as the route that `routed_sender` writes it by: "
                    "`country_DE-year_2026`. A value that is missing or null is an empty text; `=` and `/` in values "
                    "become `_`.");
  schema.options = {
      {.name = "fields", .type = OptionType::text_list, .description = "The fields, as paths.", .required = true},
      {.name = "field_delimiter",
       .type = OptionType::text,
       .description = "What stands between fields.",
       .default_value = "-",
       .allow_empty = true},
      {.name = "value_delimiter",
       .type = OptionType::text,
       .description = "What stands between a field's name and its value.",
       .default_value = "_",
       .allow_empty = true},
      {.name = "include_field_names",
       .type = OptionType::boolean,
       .description = "Whether the names of the fields are part of the route.",
       .default_value = true},
  };
  schema.check = check_field_router;
  schema.check_place = [](const Json& options, std::span<const OperationSpec> before) {
    return absent_field_warning(options, "fields", before);
  };
  return {std::move(schema), [] { return std::make_unique<FieldRouter>(); }};
}

OperationEntry hash_router_operation() {
  OperationSchema schema =
      router_schema("hash_router",
                    "Gives each record the number of a partition as the route that `routed_sender` writes it by: equal "
                    "values come to the same one (FNV-1a of 32 bits, modulo `partitions`).");
  schema.options = {
      {.name = "partitions",
       .type = OptionType::integer,
       .description = "How many there are; they are numbered from 0.",
       .required = true,
       .minimum = 1,
       .maximum = 4'294'967'295.0},
      {.name = "fields",
       .type = OptionType::text_list,
       .description = "The fields whose values are hashed, one behind the other, as paths; without any the key "
                      "(`set_key`).",
       .default_value = Json::array()},
  };
  schema.check = [](const Json& options) { return check_paths(options, "fields"); };
  schema.check_place = [](const Json& options, std::span<const OperationSpec> before) {
    return absent_field_warning(options, "fields", before);
  };
  schema.check_job = [](const Json& options, const JobScope& scope) -> Result<void> {
    return uses_key(options) ? check_metadata_ways(scope, RecordMetadatum::key, true) : Result<void>();
  };
  return {std::move(schema), [] { return std::make_unique<HashRouter>(); }};
}

}  // namespace slicemill
