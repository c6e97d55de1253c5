#include "operations/json_record.h"

#include <fmt/format.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "core/runtime/text.h"

namespace slicemill {
namespace {

constexpr std::size_t kHeadBytes = 120;

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

std::string_view without_trailing_blanks(std::string_view text) {
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::string_view between(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

void append_quoted(std::string& out, std::string_view text) {
  out += Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

// One piece after another into the batch.
std::string_view concatenate(RecordBatch& batch, std::initializer_list<std::string_view> pieces) {
  std::size_t size = 0;
  for (const auto piece : pieces) size += piece.size();
  char* start = batch.allocate(size);
  char* at = start;
  for (const auto piece : pieces) {
    std::memcpy(at, piece.data(), piece.size());
    at += piece.size();
  }
  return {start, size};
}

}  // namespace

Result<FieldPath> FieldPath::parse(std::string_view text) {
  FieldPath path{std::string(text), split(text, '.')};
  if (path.segments.empty()) return Error(ErrorCode::invalid, "a field path must not be empty", false);
  for (const auto& segment : path.segments) {
    if (segment.empty())
      return Error(ErrorCode::invalid, fmt::format("the field path \"{}\" has an empty part", text), false);
  }
  return path;
}

Result<void> check_field_option(const Json& options, const char* name) {
  const auto found = options.find(name);
  if (found == options.end() || !found->is_string()) return {};
  if (auto path = FieldPath::parse(found->get_ref<const std::string&>()); !path)
    return with_context(path.error(), name);
  return {};
}

std::string record_head(std::string_view record) {
  std::string head;
  for (const char c : record.substr(0, kHeadBytes)) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      head += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      head += c;
    }
  }
  if (record.size() > kHeadBytes) head += fmt::format("... ({} bytes)", record.size());
  return head;
}

Error record_error(std::string_view record, simdjson::error_code code) {
  return {
      ErrorCode::invalid,
      fmt::format("record is not a good JSON object: {}, in {}", simdjson::error_message(code), record_head(record)),
      false};
}

namespace json_record {

simdjson::error_code bytes_of(Value& value, std::string_view& bytes) {
  simdjson::ondemand::json_type type;
  if (auto error = value.type().get(type)) return error;
  if (type == simdjson::ondemand::json_type::object) {
    Object object;
    if (auto error = value.get_object().get(object)) return error;
    if (auto error = object.raw_json().get(bytes)) return error;
  } else if (type == simdjson::ondemand::json_type::array) {
    simdjson::ondemand::array array;
    if (auto error = value.get_array().get(array)) return error;
    if (auto error = array.raw_json().get(bytes)) return error;
  } else {
    bytes = value.raw_json_token();
  }
  bytes = without_trailing_blanks(bytes);
  return simdjson::SUCCESS;
}

}  // namespace json_record

Result<FieldPlace> RecordEditor::locate(std::string_view record, const FieldPath& path) {
  simdjson::ondemand::document document;
  json_record::Object object;
  if (auto error = parser_.iterate(json_record::padded(record)).get(document)) return record_error(record, error);
  if (auto error = document.get_object().get(object)) return record_error(record, error);

  FieldPlace place;
  place.container = record;
  while (true) {
    const auto& wanted = path.segments[place.depth];
    bool is_found = false;
    json_record::Value value;
    for (auto result : object) {
      simdjson::ondemand::field field;
      if (auto error = std::move(result).get(field)) return record_error(record, error);
      const char* key = field.key().raw();
      if (!json_record::key_is(key, record, wanted)) continue;
      value = field.value();
      place.member = between(key - 1, key + wanted.size() + 1);
      is_found = true;
      break;
    }
    if (!is_found) return place;
    ++place.depth;
    if (place.depth == path.segments.size()) {
      if (auto error = json_record::bytes_of(value, place.value)) return record_error(record, error);
      place.member = between(place.member.data(), place.value.data() + place.value.size());
      place.is_found = true;
      return place;
    }
    if (auto error = value.get_object().get(object)) {
      if (error != simdjson::INCORRECT_TYPE) return record_error(record, error);
      place.is_blocked = true;
      return place;
    }
    // Only its beginning is needed: new members are put behind '{'.
    const char* brace = place.member.data() + place.member.size();
    while (*brace != '{') ++brace;
    place.container = between(brace, record.data() + record.size());
  }
}

Result<std::optional<std::string_view>> RecordEditor::get(std::string_view record, const FieldPath& path) {
  ASSIGN_OR_RETURN(const FieldPlace place, locate(record, path));
  if (!place.is_found) return std::optional<std::string_view>();
  return std::optional<std::string_view>(place.value);
}

Result<std::string_view> RecordEditor::set(RecordBatch& batch, std::string_view record, const FieldPath& path,
                                           std::string_view json, bool overwrite) {
  ASSIGN_OR_RETURN(const FieldPlace place, locate(record, path));
  const char* record_end = record.data() + record.size();
  if (place.is_blocked) {
    std::vector<std::string> way(path.segments.begin(),
                                 path.segments.begin() + static_cast<std::ptrdiff_t>(place.depth));
    return Error(ErrorCode::invalid,
                 fmt::format("cannot set \"{}\": \"{}\" is not an object, in {}", path.text, join(way, "."),
                             record_head(record)),
                 false);
  }
  if (place.is_found) {
    if (!overwrite) return record;
    const char* value_end = place.value.data() + place.value.size();
    return concatenate(batch, {between(record.data(), place.value.data()), json, between(value_end, record_end)});
  }
  // Behind the last member of a whole record, which is cheap to find; behind the '{' of an inner object.
  std::string opening;
  for (std::size_t i = place.depth; i < path.segments.size(); ++i) {
    if (i > place.depth) opening += '{';
    append_quoted(opening, path.segments[i]);
    opening += ':';
  }
  const std::string closing(path.segments.size() - place.depth - 1, '}');
  const char* brace = place.container.data();
  while (*brace != '{') ++brace;
  const char* first = brace + 1;
  while (is_blank(*first)) ++first;
  const bool is_empty = *first == '}';
  if (place.depth == 0) {
    const auto trimmed = without_trailing_blanks(record);
    const auto body = without_trailing_blanks(trimmed.substr(0, trimmed.size() - 1));
    return concatenate(batch, {body, is_empty ? "" : ",", opening, json, closing, "}"});
  }
  return concatenate(batch, {between(record.data(), brace + 1), opening, json, closing, is_empty ? "" : ",",
                             between(brace + 1, record_end)});
}

Result<std::string_view> RecordEditor::drop(RecordBatch& batch, std::string_view record, const FieldPath& path) {
  ASSIGN_OR_RETURN(const FieldPlace place, locate(record, path));
  if (!place.is_found) return record;
  const char* begin = place.member.data();
  const char* end = place.member.data() + place.member.size();
  const char* record_end = record.data() + record.size();
  const char* behind = end;
  while (behind < record_end && is_blank(*behind)) ++behind;
  if (behind < record_end && *behind == ',') {
    end = behind + 1;
    while (end < record_end && is_blank(*end)) ++end;
  } else {
    const char* before = begin - 1;
    while (is_blank(*before)) --before;
    if (*before == ',') begin = before;
  }
  return concatenate(batch, {between(record.data(), begin), between(end, record_end)});
}

}  // namespace slicemill
