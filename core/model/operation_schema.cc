#include "core/model/operation_schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/runtime/text.h"

namespace slicemill {
namespace {

constexpr std::size_t kMembersOfJob = 16;  // ids, times and the like
constexpr std::size_t kMostUnknown = 50;   // keys that are warned of one by one
constexpr double kIntegerLimit = 9.2e18;   // beyond it a double no longer fits std::int64_t

using Coerced = Result<Json>;

Error wrong_integer(const OptionSpec& spec) {
  if (spec.minimum == 1.0) return {ErrorCode::invalid, "must be valid integer greater than zero"};
  if (spec.minimum == 0.0) return {ErrorCode::invalid, "must be a valid integer, zero or greater"};
  return {ErrorCode::invalid, "must be a valid integer"};
}

Coerced coerce_text(const OptionSpec& spec, const Json& value) {
  if (!value.is_string()) {
    if (!spec.choices.empty()) {
      return Error(ErrorCode::invalid, fmt::format("expected one of \"{}\"", join(spec.choices, "\"|\"")));
    }
    return Error(ErrorCode::invalid, fmt::format("a text is required, received {}", value.type_name()));
  }
  const auto& text = value.get_ref<const std::string&>();
  if (!spec.choices.empty()) {
    if (std::find(spec.choices.begin(), spec.choices.end(), text) != spec.choices.end()) return value;
    auto message = fmt::format("expected one of \"{}\"", join(spec.choices, "\"|\""));
    if (auto near = nearest_word(text, spec.choices)) message += fmt::format(" (did you mean \"{}\"?)", *near);
    return Error(ErrorCode::invalid, message);
  }
  if (text.empty() && !spec.allow_empty) return Error(ErrorCode::invalid, "a text is required, received an empty one");
  return value;
}

Coerced coerce_integer(const OptionSpec& spec, const Json& value) {
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX))
    return wrong_integer(spec);
  if (value.is_number_integer()) return Json(value.get<std::int64_t>());
  if (value.is_number_float()) {
    const double number = value.get<double>();
    if (!std::isfinite(number) || std::abs(number) > kIntegerLimit) return wrong_integer(spec);
    return Json(static_cast<std::int64_t>(number));
  }
  if (value.is_string()) {
    // A fraction is cut off, as of a number.
    const std::string_view text = value.get_ref<const std::string&>();
    const auto point = text.find('.');
    const std::string_view fraction = point == std::string_view::npos ? "0" : text.substr(point + 1);
    const auto cut = parse_integer(text.substr(0, point));
    if (cut && !fraction.empty() && std::ranges::all_of(fraction, [](char c) { return c >= '0' && c <= '9'; }))
      return Json(*cut);
  }
  return wrong_integer(spec);
}

Coerced coerce_number(const Json& value) {
  if (value.is_number()) return value;
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    double number = 0;
    auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failure == std::errc() && end == text.data() + text.size() && std::isfinite(number)) return Json(number);
  }
  return wrong_type("number", value);
}

Coerced coerce_boolean(const Json& value) {
  if (value.is_boolean()) return value;
  if (value == 1 || value == "true" || value == "1") return Json(true);
  if (value == 0 || value == "false" || value == "0") return Json(false);
  Error wrong = wrong_type("boolean", value);
  // Truth values of YAML 1.1, which are text in YAML 1.2.
  for (const char* word : {"yes", "no", "on", "off"})
    if (value == word) wrong.message += fmt::format(" \"{}\"; write true or false", word);
  return wrong;
}

Coerced coerce_text_list(const Json& value) {
  if (value.is_string()) return Json::array({value});
  if (!value.is_array()) return wrong_type("array of strings", value);
  Json list = Json::array();
  for (const auto& item : value) {
    // A version such as 1.0 in YAML is a number there; as a list item it is meant as text.
    if (item.is_number()) {
      list.push_back(item.dump());
    } else if (item.is_string() && !item.get_ref<const std::string&>().empty()) {
      list.push_back(item);
    } else {
      return Error(ErrorCode::invalid, fmt::format("expected array of non-empty strings, item {} is {}", list.size(),
                                                   item.is_string() ? "empty" : item.type_name()));
    }
  }
  return list;
}

template <typename Parse>
Coerced coerce_measured(const OptionSpec& spec, const Json& value, Parse parse) {
  if (!value.is_string()) return coerce_integer(spec, value);
  auto parsed = parse(value.get_ref<const std::string&>());
  if (!parsed) return parsed.error();
  if (static_cast<double>(*parsed) > kIntegerLimit) return Error(ErrorCode::invalid, "is too large");
  return Json(static_cast<std::int64_t>(*parsed));
}

Coerced coerce_type(const OptionSpec& spec, const Json& value) {
  switch (spec.type) {
    case OptionType::text:
      return coerce_text(spec, value);
    case OptionType::integer:
      return coerce_integer(spec, value);
    case OptionType::number:
      return coerce_number(value);
    case OptionType::boolean:
      return coerce_boolean(value);
    case OptionType::text_list:
      return coerce_text_list(value);
    case OptionType::bytes:
      return coerce_measured(spec, value, parse_byte_size);
    case OptionType::duration_ms: {
      ASSIGN_OR_RETURN(auto coerced, coerce_measured(spec, value, parse_duration_ms));
      if (coerced > kLongestDurationMs)
        return Error(ErrorCode::invalid, fmt::format("must be at most {} ms", kLongestDurationMs));
      return coerced;
    }
    case OptionType::object:
      if (!value.is_object()) return wrong_type("object", value);
      return value;
    case OptionType::any:
      return value;
  }
  return Error(ErrorCode::internal, "unknown option type");
}

Coerced coerce(const OptionSpec& spec, const Json& value) {
  ASSIGN_OR_RETURN(auto coerced, coerce_type(spec, value));
  if (!coerced.is_number()) return coerced;
  const double number = coerced.get<double>();
  if (spec.minimum && number < *spec.minimum) {
    if (spec.type == OptionType::integer && (*spec.minimum == 0 || *spec.minimum == 1)) return wrong_integer(spec);
    return Error(ErrorCode::invalid, fmt::format("must be at least {}, received {}", *spec.minimum, coerced.dump()));
  }
  if (spec.maximum && number > *spec.maximum) {
    return Error(ErrorCode::invalid, fmt::format("must be at most {}, received {}", *spec.maximum, coerced.dump()));
  }
  return coerced;
}

void warn(const std::vector<OptionSpec>& specs, const Json& given, std::vector<JobWarning>& warnings) {
  std::vector<std::string> names;
  names.reserve(specs.size());
  for (const auto& spec : specs) {
    names.push_back(spec.name);
    if (given.value(spec.name, Json()).is_null()) continue;
    if (!spec.replacement.empty())
      warnings.push_back({JobWarning::Kind::deprecation, spec.name,
                          fmt::format("key \"{}\" is deprecated; use \"{}\"", spec.name, spec.replacement)});
    if (spec.no_effect)
      warnings.push_back({JobWarning::Kind::no_effect, spec.name,
                          fmt::format("key \"{}\" is kept but has no effect here", spec.name)});
  }
  std::size_t unknown = 0;
  for (const auto& [key, value] : given.items()) {
    if (key.starts_with('_') || std::find(names.begin(), names.end(), key) != names.end()) continue;
    if (++unknown > kMostUnknown) continue;
    auto description = fmt::format("unknown key \"{}\" is kept but has no effect", key);
    if (auto near = nearest_word(key, names)) description += fmt::format(" (did you mean \"{}\"?)", *near);
    warnings.push_back({JobWarning::Kind::unknown, key, std::move(description)});
  }
  if (unknown > kMostUnknown)
    warnings.push_back({JobWarning::Kind::unknown, "",
                        fmt::format("{} more unknown keys are kept but have no effect", unknown - kMostUnknown)});
}

Json type_schema(const OptionSpec& spec) {
  switch (spec.type) {
    case OptionType::text: {
      Json schema = Json::object({{"type", "string"}});
      if (!spec.choices.empty()) {
        schema["enum"] = spec.choices;
      } else if (!spec.allow_empty) {
        schema["minLength"] = 1;
      }
      return schema;
    }
    case OptionType::integer:
      return Json::object({{"type", "integer"}});
    case OptionType::number:
      return Json::object({{"type", "number"}});
    case OptionType::boolean:
      return Json::object({{"type", "boolean"}});
    case OptionType::text_list:
      return Json::object({{"type", Json::array({"array", "string"})}, {"items", Json::object({{"type", "string"}})}});
    case OptionType::bytes:
    case OptionType::duration_ms:
      return Json::object({{"type", Json::array({"integer", "string"})}});
    case OptionType::object:
      return Json::object({{"type", "object"}});
    case OptionType::any:
      return Json::object();
  }
  return Json::object();
}

Json option_schema(const OptionSpec& spec) {
  Json schema = type_schema(spec);
  schema["description"] = spec.description;
  if (!spec.default_value.is_null()) schema["default"] = spec.default_value;
  if (spec.minimum) schema["minimum"] = *spec.minimum;
  if (spec.maximum) schema["maximum"] = *spec.maximum;
  return schema;
}

}  // namespace

Error wrong_type(std::string_view expected, const Json& value) {
  return {ErrorCode::invalid, fmt::format("expected {}, received {}", expected, value.type_name())};
}

std::string_view to_string(OperationKind kind) {
  switch (kind) {
    case OperationKind::reader:
      return "reader";
    case OperationKind::processor:
      return "processor";
    case OperationKind::sender:
      return "sender";
  }
  return "";
}

Delivery delivery_of(CommitClass commit) {
  switch (commit) {
    case CommitClass::none:
      return Delivery::none;
    case CommitClass::staged:
    case CommitClass::claimed:
      return Delivery::exactly_once;
    case CommitClass::at_least_once:
      return Delivery::at_least_once;
  }
  return Delivery::none;
}

std::string_view to_string(CommitClass commit) {
  switch (commit) {
    case CommitClass::none:
      return "none";
    case CommitClass::staged:
      return "staged";
    case CommitClass::claimed:
      return "claimed";
    case CommitClass::at_least_once:
      return "at_least_once";
  }
  return "none";
}

std::string_view to_string(Delivery delivery) {
  switch (delivery) {
    case Delivery::none:
      return "none";
    case Delivery::exactly_once:
      return "exactly_once";
    case Delivery::at_least_once:
      return "at_least_once";
  }
  return "";
}

Json json_schema(const OperationSchema& schema) {
  Json properties = Json::object();
  Json required = Json::array();
  for (const auto& spec : schema.options) {
    properties[spec.name] = option_schema(spec);
    if (spec.required) required.push_back(spec.name);
  }
  return {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
          {"title", schema.name},
          {"description", schema.description},
          {"type", "object"},
          {"properties", std::move(properties)},
          {"required", std::move(required)},
          {"additionalProperties", true},
          {"x-kind", to_string(schema.kind)},
          {"x-delivery", to_string(delivery_of(schema.commit))},
          {"x-commit", to_string(schema.commit)},
          {"x-needs-whole-slice", schema.needs_whole_slice},
          {"x-repeatable", schema.repeatable}};
}

ValidatedOptions validate_against(const std::vector<OptionSpec>& specs, const Json& given) {
  ValidatedOptions result;
  if (!given.is_object()) {
    result.options = Json::object();
    result.issues.push_back({{}, wrong_type("object", given).message});
    return result;
  }
  // With room for what is added below: an object that grows copies its members.
  result.options = Json::object();
  auto& members = result.options.get_ref<Json::object_t&>();
  members.reserve(given.size() + specs.size() + kMembersOfJob);
  for (const auto& [key, value] : given.get_ref<const Json::object_t&>()) members.emplace_back(key, value);
  for (const auto& spec : specs) {
    const auto found = given.find(spec.name);
    const bool is_given = found != given.end() && (!found->is_null() || spec.type == OptionType::any);
    if (!is_given) {
      if (!spec.default_value.is_null()) {
        result.options[spec.name] = spec.default_value;
      } else if (spec.required) {
        result.issues.push_back({{spec.name}, "is required"});
      } else {
        result.options.erase(spec.name);  // a given null
      }
      continue;
    }
    if (auto coerced = coerce(spec, *found)) {
      result.options[spec.name] = std::move(*coerced);
    } else {
      result.issues.push_back({{spec.name}, coerced.error().message});
    }
  }
  warn(specs, given, result.warnings);
  return result;
}

ValidatedOptions validate_options(const OperationSchema& schema, const Json& given) {
  auto result = validate_against(schema.options, given);
  if (!result.issues.empty() || !schema.check) return result;
  if (auto checked = schema.check(result.options); !checked) result.issues.push_back({{}, checked.error().message});
  return result;
}

}  // namespace slicemill
