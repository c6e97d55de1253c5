#include "core/formats/field_path.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace slicemill {
namespace {

std::optional<std::uint64_t> item_number(std::string_view name) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  if (name.size() > 1 && name.front() == '0') return std::nullopt;
  return number;
}

std::string joined(const std::vector<std::string>& names, std::size_t from) {
  std::string text;
  for (std::size_t i = from; i < names.size(); ++i) text.append(i == from ? "" : ".").append(names[i]);
  return text;
}

void find_in_object(JsonValue object, const FieldPath& path, std::size_t from, FoundFields& found) {
  const auto& segments = path.segments();
  for (;; ++from) {
    if (from + 1 == segments.size()) {
      if (const std::uint32_t token = object.last_member(segments[from].name))
        found.values.push_back(object.at_token(token));
      return;
    }
    const auto members = object.last_members(segments[from].name, segments[from].rest);
    if (members.second != 0) {
      found.values.push_back(object.at_token(members.second));
      return;
    }
    if (members.first == 0) return;
    object = object.at_token(members.first);
    if (object.is_object()) continue;
    if (object.is_array()) find_fields(object, path, from + 1, found);
    return;
  }
}

}  // namespace

FieldPath::FieldPath(std::string text, std::vector<std::string> names) : text_(std::move(text)) {
  for (std::size_t i = 0; i < names.size(); ++i)
    segments_.push_back({JsonKey(names[i]), JsonKey(joined(names, i)), item_number(names[i])});
}

Result<FieldPath> FieldPath::parse(std::string_view text) {
  if (text.empty()) return Error(ErrorCode::invalid, "a field path must not be empty", false);
  std::vector<std::string> names(1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_escape = text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == '.' || text[i + 1] == '\\');
    if (is_escape) {
      names.back() += text[++i];
    } else if (text[i] == '.') {
      names.emplace_back();
    } else {
      names.back() += text[i];
    }
  }
  if (std::find(names.begin(), names.end(), "") != names.end())
    return Error(ErrorCode::invalid, fmt::format("the field path \"{}\" has an empty part", text), false);
  return FieldPath(std::string(text), std::move(names));
}

FieldPath FieldPath::of_name(std::string_view name) {
  return FieldPath(std::string(name), {std::string(name)});
}

std::string FieldPath::text_of_name(std::string_view name) {
  std::string text;
  for (const char c : name) {
    if (c == '.' || c == '\\') text += '\\';
    text += c;
  }
  return text;
}

bool FieldPath::operator==(const FieldPath& other) const {
  return std::equal(segments_.begin(), segments_.end(), other.segments_.begin(), other.segments_.end(),
                    [](const Segment& a, const Segment& b) { return a.name == b.name; });
}

void find_fields(const JsonValue& record, const FieldPath& path, FoundFields& found) {
  found.values.clear();
  found.is_list = false;
  find_in_object(record, path, 0, found);
}

void find_fields(const JsonValue& value, const FieldPath& path, std::size_t from, FoundFields& found) {
  if (from == path.segments().size()) {
    found.values.push_back(value);
  } else if (value.is_object()) {
    find_in_object(value, path, from, found);
  } else if (value.is_array()) {
    if (const auto number = path.segments()[from].item) {
      if (const auto item = find_item(value, *number)) find_fields(*item, path, from + 1, found);
      return;
    }
    found.is_list = true;
    value.visit_items([&](const JsonValue& item) {
      if (item.is_container()) find_fields(item, path, from, found);
    });
  }
}

std::optional<JsonValue> find_member(const JsonValue& object, const JsonKey& name) {
  const std::uint32_t token = object.last_member(name);
  return token == 0 ? std::nullopt : std::optional(object.at_token(token));
}

std::optional<JsonValue> find_item(const JsonValue& array, std::uint64_t number) {
  std::optional<JsonValue> found;
  array.visit_items([&](const JsonValue& item) {
    if (number-- == 0) found = item;
  });
  return found;
}

}  // namespace slicemill
