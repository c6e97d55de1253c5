#include "operations/readers/record_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <optional>

#include "core/runtime/text.h"
#include "operations/readers/date_text.h"

namespace slicemill {
namespace {

constexpr std::size_t kBase64IdLength = 20;
constexpr std::size_t kHexIdLength = 32;
constexpr std::int64_t kLongestText = 10'000;
constexpr int kMostDecimals = 9;

constexpr std::string_view kSystems[] = {"Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 13_5",
                                         "X11; Linux x86_64",           "X11; Ubuntu; Linux x86_64",
                                         "Linux; Android 13; Pixel 7",  "iPhone; CPU iPhone OS 16_6 like Mac OS X"};
constexpr std::string_view kBrowsers[] = {"Gecko/20100101 Firefox/", "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/",
                                          "AppleWebKit/605.1.15 (KHTML, like Gecko) Safari/",
                                          "AppleWebKit/537.36 (KHTML, like Gecko) Edg/"};
constexpr std::string_view kWords[] = {
    "amber",  "birch",  "cedar",  "delta",   "ember",   "fjord",  "grove",   "harbor", "inlet",   "juniper", "kestrel",
    "lagoon", "meadow", "nimbus", "orchard", "prairie", "quartz", "river",   "summit", "tundra",  "upland",  "valley",
    "willow", "yarrow", "zephyr", "basalt",  "canyon",  "dune",   "estuary", "fern",   "glacier", "heron"};
constexpr std::string_view kTopDomains[] = {"com", "net", "org", "info", "io", "dev", "biz", "name"};
constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz";
constexpr std::string_view kBase64Url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::string_view kUpperHex = "0123456789ABCDEF";

template <std::size_t N>
consteval std::size_t longest_of(const std::string_view (&words)[N]) {
  std::size_t longest = 0;
  for (const auto word : words) longest = std::max(longest, word.size());
  return longest;
}

// "0" to "255", padded so that four bytes can be copied always.
struct Octet {
  char digits[4];
  std::uint8_t size;
};
constexpr auto kOctets = [] {
  std::array<Octet, 256> octets{};
  for (int i = 0; i < 256; ++i) {
    auto& octet = octets[static_cast<std::size_t>(i)];
    if (i >= 100) octet.digits[octet.size++] = static_cast<char>('0' + i / 100);
    if (i >= 10) octet.digits[octet.size++] = static_cast<char>('0' + i / 10 % 10);
    octet.digits[octet.size++] = static_cast<char>('0' + i % 10);
  }
  return octets;
}();

constexpr auto kHexPairs = [] {
  std::array<std::array<char, 2>, 256> pairs{};
  for (std::size_t i = 0; i < 256; ++i) pairs[i] = {kHex[i / 16], kHex[i % 16]};
  return pairs;
}();

char* put(char* out, std::string_view text) {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

// The lowest `bytes` bytes of value, two digits each.
char* put_hex(char* out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i, value >>= 8) {
    std::memcpy(out, kHexPairs[value & 0xff].data(), 2);
    out += 2;
  }
  return out;
}

char* put_ip(char* out, RecordRandom& random) {
  auto bits = random.next();
  *out++ = '"';
  for (int i = 0; i < 4; ++i, bits >>= 8) {
    if (i > 0) *out++ = '.';
    const auto& octet = kOctets[bits & 0xff];
    std::memcpy(out, octet.digits, 4);
    out += octet.size;
  }
  *out++ = '"';
  return out;
}

char* put_ipv6(char* out, RecordRandom& random) {
  *out++ = '"';
  for (int half = 0; half < 2; ++half) {
    auto bits = random.next();
    for (int group = 0; group < 4; ++group, bits >>= 16) {
      if (half + group > 0) *out++ = ':';
      out = put_hex(out, bits, 2);
    }
  }
  *out++ = '"';
  return out;
}

char* put_uuid(char* out, RecordRandom& random) {
  const auto high = random.next(), low = random.next();
  *out++ = '"';
  out = put_hex(out, high, 4);
  *out++ = '-';
  out = put_hex(out, high >> 32, 2);
  *out++ = '-';
  char* const version = out;
  out = put_hex(out, high >> 48, 2);
  *version = '4';
  *out++ = '-';
  char* const variant = out;
  out = put_hex(out, low, 2);
  *variant = "89ab"[(low >> 60) & 3];
  *out++ = '-';
  out = put_hex(out, low >> 16, 6);
  *out++ = '"';
  return out;
}

// value / 10^decimals.
char* put_decimal(char* out, std::int64_t value, int decimals) {
  std::uint64_t magnitude = static_cast<std::uint64_t>(value);
  if (value < 0) {
    *out++ = '-';
    magnitude = 0 - magnitude;
  }
  std::uint64_t unit = 1;
  for (int i = 0; i < decimals; ++i) unit *= 10;
  out = std::to_chars(out, out + 20, magnitude / unit).ptr;
  if (decimals == 0) return out;
  *out++ = '.';
  auto fraction = magnitude % unit;
  for (int i = decimals - 1; i >= 0; --i, fraction /= 10) out[i] = static_cast<char>('0' + fraction % 10);
  return out + decimals;
}

char* put_location(char* out, RecordRandom& random) {
  constexpr int kDecimals = 5;
  constexpr std::int64_t kUnit = 100'000;
  *out++ = '"';
  out = put_decimal(out, static_cast<std::int64_t>(random.below(180 * kUnit + 1)) - 90 * kUnit, kDecimals);
  *out++ = ',';
  *out++ = ' ';
  out = put_decimal(out, static_cast<std::int64_t>(random.below(360 * kUnit + 1)) - 180 * kUnit, kDecimals);
  *out++ = '"';
  return out;
}

char* put_user_agent(char* out, RecordRandom& random) {
  constexpr std::uint64_t kFirstVersion = 90, kVersions = 60;
  const auto bits = random.next();
  out = put(out, "\"Mozilla/5.0 (");
  out = put(out, kSystems[(bits & 0xffff) % std::size(kSystems)]);
  out = put(out, ") ");
  out = put(out, kBrowsers[(bits >> 16) % std::size(kBrowsers)]);
  out = std::to_chars(out, out + 20, kFirstVersion + (bits >> 32) % kVersions).ptr;
  return put(out, ".0\"");
}

char* put_url(char* out, RecordRandom& random) {
  auto bits = random.next();
  const auto word = [&] {
    const auto chosen = kWords[bits % std::size(kWords)];
    bits /= std::size(kWords);
    return chosen;
  };
  out = put(out, "\"https://");
  out = put(out, word());
  *out++ = '-';
  out = put(out, word());
  *out++ = '.';
  out = put(out, kTopDomains[bits % std::size(kTopDomains)]);
  bits /= std::size(kTopDomains);
  *out++ = '/';
  out = put(out, word());
  *out++ = '"';
  return out;
}

char* put_characters(char* out, std::string_view alphabet, std::size_t count, RecordRandom& random) {
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < count; ++i) {
    // Ten characters per draw: the alphabets have at most 64.
    if (i % 10 == 0) bits = random.next();
    *out++ = alphabet[bits % alphabet.size()];
    bits /= alphabet.size();
  }
  return out;
}

Error schema_error(const std::string& place, std::string_view problem) {
  return {ErrorCode::invalid, fmt::format("{}: {}", place, problem), false};
}

Result<std::optional<WallMs>> read_bound(const Json& options, const char* name) {
  const auto found = options.find(name);
  if (found == options.end() || found->is_null()) return std::optional<WallMs>();
  if (found->is_number_integer()) return std::optional<WallMs>(found->get<std::int64_t>());
  if (!found->is_string()) return schema_error(name, "must be a date or a number of milliseconds since 1970");
  auto time = parse_date(found->get_ref<const std::string&>());
  if (!time) return with_context(time.error(), name);
  return std::optional<WallMs>(*time);
}

}  // namespace

Result<RecordPlan> RecordPlan::make(const Json& options) {
  RecordPlan plan;
  RETURN_IF_ERROR(plan.read_dates(options));
  if (options.contains("json_schema") && !options["json_schema"].is_null()) {
    RETURN_IF_ERROR(plan.add_schema_fields(options["json_schema"]));
  } else {
    plan.add_default_fields(options.value("date_key", "created"));
  }
  RETURN_IF_ERROR(plan.add_id(options));
  return plan;
}

Result<void> RecordPlan::read_dates(const Json& options) {
  constexpr WallMs kLatest = 253'402'300'799'999;  // the end of the year 9999
  ASSIGN_OR_RETURN(const auto start, read_bound(options, "start"));
  ASSIGN_OR_RETURN(const auto end, read_bound(options, "end"));
  for (const auto& [bound, name] : {std::pair{start, "start"}, std::pair{end, "end"}}) {
    if (bound && (*bound > kLatest || *bound < -kLatest / 5))
      return schema_error(name, "must be a time before the year 10000");
  }
  if (start && end && *end < *start) return schema_error("end", "is before start");
  start_ms_ = start.value_or(0);
  end_is_created_ = !end;
  end_ms_ = end.value_or(0);
  const auto format = options.value("format", start || end ? "isoBetween" : "dateNow");
  if (format == "utcDate") date_format_ = DateFormat::utc_date;
  if (format == "utcBetween") date_format_ = DateFormat::utc_between;
  if (format == "isoBetween") date_format_ = DateFormat::iso_between;
  return {};
}

void RecordPlan::add_default_fields(const std::string& date_key) {
  add("ip", {.kind = Kind::ip});
  add("userAgent", {.kind = Kind::user_agent});
  add("url", {.kind = Kind::url});
  add("uuid", {.kind = Kind::uuid});
  add(date_key, {.kind = Kind::date});
  add("ipv6", {.kind = Kind::ipv6});
  add("location", {.kind = Kind::location});
  add("bytes", {.kind = Kind::integer, .minimum = 7850, .maximum = 5642867});
}

Result<void> RecordPlan::add_schema_fields(const Json& schema) {
  if (!schema.is_object()) {
    return Error(ErrorCode::unsupported,
                 "json_schema: only an object of field name -> {\"type\": ...} is supported, not a file or a list",
                 false);
  }
  if (schema.empty()) return schema_error("json_schema", "must name at least one field");
  for (const auto& [name, description] : schema.items()) RETURN_IF_ERROR(add_schema_field(name, description));
  return {};
}

Result<void> RecordPlan::add_schema_field(const std::string& name, const Json& description) {
  static const std::vector<std::pair<std::string, Kind>> kinds = {
      {"string", Kind::text}, {"number", Kind::number}, {"integer", Kind::integer},   {"boolean", Kind::boolean},
      {"ip", Kind::ip},       {"ipv6", Kind::ipv6},     {"uuid", Kind::uuid},         {"date", Kind::date},
      {"enum", Kind::choice}, {"url", Kind::url},       {"location", Kind::location}, {"userAgent", Kind::user_agent}};
  const std::string place = "json_schema." + name;
  const Json& type = description.is_object() && description.contains("type") ? description["type"] : description;
  const auto kind = std::find_if(kinds.begin(), kinds.end(), [&](const auto& entry) { return type == entry.first; });
  if (kind == kinds.end()) {
    std::vector<std::string> names;
    for (const auto& entry : kinds) names.push_back(entry.first);
    return Error(
        ErrorCode::unsupported,
        fmt::format("{}: the type {} is unsupported; use one of {}", place, to_compact_text(type), join(names, ", ")),
        false);
  }
  Field field;
  field.kind = kind->second;
  RETURN_IF_ERROR(read_limits(description.is_object() ? description : Json::object(), place, field));
  add(name, std::move(field));
  return {};
}

// `min`, `max`, `decimals` of numbers; `min_length`, `max_length` of texts; `values` of enums.
Result<void> RecordPlan::read_limits(const Json& description, const std::string& place, Field& field) {
  std::vector<std::string> known = {"type"};
  const auto integer = [&](const char* key, std::int64_t otherwise, std::int64_t least,
                           std::int64_t most) -> Result<std::int64_t> {
    known.emplace_back(key);
    if (!description.contains(key)) return otherwise;
    const auto& value = description[key];
    if (!value.is_number_integer() || value.get<std::int64_t>() < least || value.get<std::int64_t>() > most) {
      return schema_error(fmt::format("{}.{}", place, key),
                          fmt::format("must be an integer from {} to {}", least, most));
    }
    return value.get<std::int64_t>();
  };
  constexpr std::int64_t kLargest = 1'000'000'000'000'000;
  if (field.kind == Kind::integer) {
    ASSIGN_OR_RETURN(field.minimum, integer("min", 0, -kLargest, kLargest));
    ASSIGN_OR_RETURN(field.maximum,
                     integer("max", std::max<std::int64_t>(1'000'000, field.minimum), field.minimum, kLargest));
  } else if (field.kind == Kind::number) {
    constexpr std::int64_t kLargestNumber = 1'000'000'000;
    ASSIGN_OR_RETURN(const auto decimals, integer("decimals", 2, 0, kMostDecimals));
    ASSIGN_OR_RETURN(const auto minimum, integer("min", 0, -kLargestNumber, kLargestNumber));
    ASSIGN_OR_RETURN(const auto maximum, integer("max", std::max<std::int64_t>(1, minimum), minimum, kLargestNumber));
    field.decimals = static_cast<int>(decimals);
    const auto unit = static_cast<std::int64_t>(std::llround(std::pow(10.0, field.decimals)));
    field.minimum = minimum * unit;
    field.maximum = maximum * unit;
  } else if (field.kind == Kind::text) {
    ASSIGN_OR_RETURN(field.minimum, integer("min_length", 10, 0, kLongestText));
    ASSIGN_OR_RETURN(field.maximum, integer("max_length", field.minimum, field.minimum, kLongestText));
  } else if (field.kind == Kind::choice) {
    known.emplace_back("values");
    if (!description.contains("values") || !description["values"].is_array() || description["values"].empty()) {
      return schema_error(place + ".values", "must be a list of the values to choose from");
    }
    for (const auto& value : description["values"]) field.choices.push_back(to_compact_text(value));
  }
  for (const auto& [key, value] : description.items()) {
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      return schema_error(fmt::format("{}.{}", place, key),
                          fmt::format("is not known here; known are {}", join(known, ", ")));
    }
  }
  return {};
}

Result<void> RecordPlan::add_id(const Json& options) {
  const auto start_key = options.value("id_start_key", "");
  if (!options.contains("set_id")) {
    if (!start_key.empty()) return schema_error("id_start_key", "needs set_id");
    return {};
  }
  const auto form = options["set_id"].get<std::string>();
  Field field;
  field.kind = form == "base64url" ? Kind::base64_id : form == "hexadecimal" ? Kind::hex_id : Kind::upper_hex_id;
  const auto quoted = to_compact_text(Json(start_key));
  field.prefix = quoted.substr(0, quoted.size() - 1);
  add("id", std::move(field));
  return {};
}

void RecordPlan::add(std::string_view name, Field field) {
  field.opening = fmt::format("{}{}:", fields_.empty() ? "{" : ",", to_compact_text(Json(name)));
  longest_ += field.opening.size() + longest_value(field);
  fields_.push_back(std::move(field));
}

std::size_t RecordPlan::longest_value(const Field& field) {
  constexpr std::size_t kNumber = 24;
  switch (field.kind) {
    case Kind::ip:
      return 2 + 15 + 4;  // four bytes are copied whatever the octet's size
    case Kind::ipv6:
    case Kind::uuid:
      return 2 + 39;
    case Kind::user_agent:
      return 64 + longest_of(kSystems) + longest_of(kBrowsers);
    case Kind::url:
      return 16 + 3 * longest_of(kWords) + longest_of(kTopDomains);
    case Kind::date:
      return 2 + kLongestDate;
    case Kind::location:
      return 2 * kNumber;
    case Kind::integer:
    case Kind::number:
    case Kind::boolean:
      return kNumber;
    case Kind::text:
      return 2 + static_cast<std::size_t>(field.maximum);
    case Kind::choice: {
      std::size_t longest = 0;
      for (const auto& choice : field.choices) longest = std::max(longest, choice.size());
      return longest;
    }
    case Kind::base64_id:
    case Kind::hex_id:
    case Kind::upper_hex_id:
      return field.prefix.size() + kHexIdLength + 1;
  }
  return 0;
}

void RecordPlan::set_created(WallMs created_ms) {
  if (end_is_created_) end_ms_ = std::max(created_ms, start_ms_);
  char text[kLongestDate];
  created_text_.assign(text, write_date(text, created_ms, date_format_ == DateFormat::date_now));
}

char* RecordPlan::write_created(char* out, RecordRandom& random) const {
  *out++ = '"';
  if (date_format_ == DateFormat::date_now || date_format_ == DateFormat::utc_date) {
    out = put(out, created_text_);
  } else {
    const auto span = static_cast<std::uint64_t>(end_ms_ - start_ms_) + 1;
    out = write_date(out, start_ms_ + static_cast<WallMs>(random.below(span)), date_format_ == DateFormat::iso_between);
  }
  *out++ = '"';
  return out;
}

char* RecordPlan::write_value(char* out, const Field& field, RecordRandom& random) const {
  const auto span = static_cast<std::uint64_t>(field.maximum - field.minimum) + 1;
  switch (field.kind) {
    case Kind::ip:
      return put_ip(out, random);
    case Kind::ipv6:
      return put_ipv6(out, random);
    case Kind::user_agent:
      return put_user_agent(out, random);
    case Kind::url:
      return put_url(out, random);
    case Kind::uuid:
      return put_uuid(out, random);
    case Kind::date:
      return write_created(out, random);
    case Kind::location:
      return put_location(out, random);
    case Kind::integer:
    case Kind::number:
      return put_decimal(out, field.minimum + static_cast<std::int64_t>(random.below(span)), field.decimals);
    case Kind::text:
      *out++ = '"';
      out = put_characters(out, kLetters, static_cast<std::size_t>(field.minimum) + random.below(span), random);
      *out++ = '"';
      return out;
    case Kind::boolean:
      return put(out, random.next() & 1 ? "true" : "false");
    case Kind::choice:
      return put(out, field.choices[random.below(field.choices.size())]);
    case Kind::base64_id:
    case Kind::hex_id:
    case Kind::upper_hex_id: {
      out = put(out, field.prefix);
      const bool is_base64 = field.kind == Kind::base64_id;
      const auto alphabet = is_base64 ? kBase64Url : field.kind == Kind::hex_id ? kHex : kUpperHex;
      out = put_characters(out, alphabet, is_base64 ? kBase64IdLength : kHexIdLength, random);
      *out++ = '"';
      return out;
    }
  }
  return out;
}

char* RecordPlan::write(char* out, RecordRandom& random) const {
  for (const auto& field : fields_) {
    out = put(out, field.opening);
    out = write_value(out, field, random);
  }
  *out++ = '}';
  return out;
}

}  // namespace slicemill
