#include "core/outputs/subdirectory.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/formats/field_names.h"
#include "core/formats/iso_date.h"
#include "core/formats/json_scan.h"
#include "core/model/output_path.h"

namespace slicemill {
namespace {

constexpr std::string_view kField = "field:", kDefault = ":-", kRoute = "{route}";
constexpr std::size_t kLongestName = 255;  // bytes, of any Linux file system
constexpr std::int64_t kMsPerSecond = 1'000;

Error bad_value(const FieldPath& field, std::string_view why) {
  return {ErrorCode::invalid, fmt::format("the field `{}`, which the output's path names, {}", field.text(), why),
          false};
}

std::vector<std::string> member_names(const JsonValue& record) {
  std::vector<std::string> names;
  record.visit_members([&](const JsonName& name, const JsonValue&) { names.push_back(name.text()); });
  return names;
}

Error absent_value(const FieldPath& field, const JsonValue& record) {
  return bad_value(field,
                   fmt::format("is not in the record, whose fields are {}; `{{{}:-none}}` gives a default",
                               fields_that_are(member_names(record), field.text(), field_placeholder), field.text()));
}

Error bad_placeholder(std::string_view inside, std::string_view why) {
  return {ErrorCode::invalid, fmt::format("{{{}}}: {}", inside, why), false};
}

// Names that a reader of the output would not see, or that lead elsewhere.
Result<void> check_names(std::string_view place) {
  for (std::size_t begin = 0; begin <= place.size();) {
    const std::size_t end = std::min(place.find('/', begin), place.size());
    const std::string_view name = place.substr(begin, end - begin);
    const char* why = name.empty()                 ? "is empty"
                      : name.starts_with('.')      ? "begins with a dot"
                      : name.size() > kLongestName ? "is longer than 255 bytes"
                                                   : nullptr;
    if (why != nullptr)
      return Error(ErrorCode::invalid, fmt::format("the directory name \"{}\" {}", text_head(name), why), false);
    begin = end + 1;
  }
  return {};
}

}  // namespace

Result<Subdirectory> Subdirectory::parse(std::string_view text) {
  Subdirectory parsed;
  if (text.empty()) return parsed;
  if (text == kRoute || text.ends_with(fmt::format("/{}", kRoute))) {
    parsed.has_route_ = true;
    text.remove_suffix(kRoute.size());
  }
  std::string literal;
  const auto end_literal = [&] {
    if (!literal.empty()) parsed.pieces_.push_back({.text = std::exchange(literal, {})});
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c != '{' && c != '}') {
      const bool is_doubled_slash = c == '/' && (literal.empty() ? parsed.pieces_.empty() : literal.back() == '/');
      if (!is_doubled_slash) literal += c;
      continue;
    }
    if (i + 1 < text.size() && text[i + 1] == c) {
      literal += text[i++];
      continue;
    }
    const std::size_t end = c == '{' ? text.find('}', i) : text.npos;
    const std::string_view inside = end == text.npos ? text.substr(i + 1) : text.substr(i + 1, end - i - 1);
    if (end == text.npos || !inside.starts_with(kField))
      return bad_placeholder(inside, "a field is written {field:NAME}, and a literal brace {{ or }}");
    std::string_view name = inside.substr(kField.size());
    Piece piece;
    const std::size_t colon = name.find(':');
    if (const std::size_t otherwise = name.find(kDefault); otherwise != name.npos) {
      piece.when_absent = file_name_of(name.substr(otherwise + kDefault.size()));
      name = name.substr(0, otherwise);
    } else if (colon != name.npos && name.find('%', colon) != name.npos) {
      piece.format = name.substr(colon + 1);
      name = name.substr(0, colon);
      if (const auto tried = date_in_format(piece.format, 0); !tried)
        return bad_placeholder(inside, tried.error().message);
    }
    auto field = FieldPath::parse(name);
    if (!field) return bad_placeholder(inside, field.error().message);
    piece.field = std::move(*field);
    end_literal();
    parsed.pieces_.push_back(std::move(piece));
    i = end;
  }
  while (literal.ends_with('/')) literal.pop_back();
  end_literal();
  if (!parsed.has_route_ &&
      std::ranges::none_of(parsed.pieces_, [](const Piece& piece) { return piece.field.has_value(); }))
    return Error(ErrorCode::invalid, "names no field of the records: write it behind `path`", false);
  parsed.depth_ = parsed.has_route_ && !parsed.pieces_.empty() ? 2 : 1;
  for (const Piece& piece : parsed.pieces_) {
    const std::string& slashes = piece.field ? piece.format : piece.text;
    parsed.depth_ += static_cast<std::size_t>(std::ranges::count(slashes, '/'));
  }
  return parsed;
}

const std::string& Subdirectory::first_field() const {
  static const std::string none;
  const auto found = std::ranges::find_if(pieces_, [](const Piece& piece) { return piece.field.has_value(); });
  return found == pieces_.end() ? none : found->field->text();
}

std::vector<Subdirectory::NamedField> Subdirectory::fields() const {
  std::vector<NamedField> named;
  for (const Piece& piece : pieces_)
    if (piece.field) named.push_back({*piece.field, piece.when_absent.has_value()});
  return named;
}

std::string Subdirectory::with_route(const std::string& text) {
  if (const auto parsed = parse(text); parsed && parsed->has_route()) return text;
  return fmt::format("{}{}{}", text, text.empty() ? "" : "/", kRoute);
}

Result<std::string_view> Subdirectory::compose(const JsonValue* record, std::string_view route) {
  place_.clear();
  for (const Piece& piece : pieces_) {
    if (piece.field)
      RETURN_IF_ERROR(append_value(piece, *record));
    else
      place_ += piece.text;
  }
  if (has_route_ && !route.empty()) {
    if (!place_.empty()) place_ += '/';
    place_ += file_name_of(route);
  }
  if (place_.empty()) return std::string_view();
  RETURN_IF_ERROR(check_names(place_));
  return std::string_view(place_);
}

Result<void> Subdirectory::append_value(const Piece& piece, const JsonValue& record) {
  const FieldPath& field = *piece.field;
  find_fields(record, field, found_);
  const bool is_absent = found_.values.empty() || (found_.values.size() == 1 && found_.values[0].bytes() == "null");
  if (is_absent && piece.when_absent) {
    place_ += *piece.when_absent;
    return {};
  }
  if (found_.values.empty()) return absent_value(field, record);
  if (found_.is_list || found_.values.size() > 1) return bad_value(field, "is a list of values");
  if (is_absent) return bad_value(field, "is null");
  const JsonValue& value = found_.values[0];
  if (value.is_container()) return bad_value(field, value.is_object() ? "is an object" : "is an array");
  const std::string_view bytes = value.bytes();
  text_.clear();
  if (!bytes.starts_with('"')) {
    text_ = bytes;
  } else if (append_unescaped(bytes.substr(1, bytes.size() - 2), text_)) {
    return bad_value(field, "holds half of a surrogate pair, which is no character");
  }
  if (piece.format.empty()) {
    place_ += file_name_of(text_);
    return {};
  }
  const auto instant = IsoInstant::parse(text_);
  if (!instant) return bad_value(field, fmt::format("is no ISO 8601 date: {}", text_head(bytes)));
  ASSIGN_OR_RETURN(const std::string date, date_in_format(piece.format, instant->second() * kMsPerSecond));
  place_ += date;
  return {};
}

}  // namespace slicemill
