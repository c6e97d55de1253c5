#include "core/model/output_path.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <optional>
#include <utility>

namespace slicemill {
namespace {

constexpr std::string_view kDirectives = "YymdHMSjGVu%";

constexpr std::string_view kField = "field:";

bool begins_word(char c) {
  const bool is_ascii = (static_cast<unsigned char>(c) & 0x80) == 0;
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '@' || !is_ascii;
}

bool is_own_word(std::string_view word) {
  return word == "date" || word == "name" || word == "ex_id";
}

Error wrong(std::string_view what, std::string_view why) {
  return {ErrorCode::invalid, fmt::format("{{{}}}: {}; a literal brace is written {{{{ or }}}}", what, why), false};
}

// Cut between characters.
std::string short_file_name_of(std::string_view text) {
  constexpr std::size_t kLongest = 200;  // of the 255 bytes that a name may have
  std::size_t size = 0;
  std::string name;
  while (size < text.size()) {
    std::size_t end = size + 1;
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
    name = file_name_of(text.substr(0, end));
    if (name.size() > kLongest) break;
    size = end;
  }
  return file_name_of(text.substr(0, size));
}

// `inside` is what stands between the braces. Nothing: it is a field of the records.
Result<std::optional<std::string>> value_of(std::string_view inside, const OutputPlace& place) {
  const auto colon = inside.find(':');
  const std::string_view word = inside.substr(0, colon);
  const bool has_format = colon != std::string_view::npos;
  if (word == "date") {
    auto text = date_in_format(has_format ? inside.substr(colon + 1) : "%Y-%m-%d", place.moment);
    if (!text) return wrong(inside, text.error().message);
    return std::optional(std::move(*text));
  }
  if (!is_own_word(word)) return std::optional<std::string>();
  if (has_format)
    return wrong(inside, fmt::format("only a date has a format; a field of this name is written {{field:{}}}", inside));
  if (word == "name") return std::optional(short_file_name_of(place.name));
  return std::optional(place.ex_id.empty() ? "{ex_id}" : place.ex_id);
}

// The two parts of a path as it is filled from its beginning.
class PathInParts {
 public:
  void add(std::string_view text) {
    if (!has_field_) {
      filled_.path += text;
      return;
    }
    for (const char c : text) filled_.subdirectory.append(c == '{' || c == '}' ? 2 : 1, c);
  }
  void add_own(std::string_view word, std::string_view value) {
    if (std::ranges::find(filled_.own_words, word) == filled_.own_words.end()) filled_.own_words.emplace_back(word);
    add(value);
  }
  void add_field(std::string_view field) {
    if (!has_field_) begin_subdirectory();
    filled_.subdirectory += fmt::format("{{{}{}}}", kField, field);
  }
  FilledPath take() { return std::move(filled_); }

 private:
  // The component that is not complete yet goes over.
  void begin_subdirectory() {
    has_field_ = true;
    const std::size_t slash = filled_.path.rfind('/');
    const std::string begun = slash == std::string::npos ? filled_.path : filled_.path.substr(slash + 1);
    filled_.path = slash == std::string::npos ? "." : slash == 0 ? "/" : filled_.path.substr(0, slash);
    add(begun);
  }

  FilledPath filled_;
  bool has_field_ = false;
};

}  // namespace

bool has_output_placeholder(std::string_view path) {
  return path.find_first_of("{}") != std::string_view::npos;
}

Result<FilledPath> fill_output_path(std::string_view path, const OutputPlace& place) {
  PathInParts parts;
  for (std::size_t i = 0; i < path.size(); ++i) {
    const bool is_twice = i + 1 < path.size() && path[i + 1] == path[i];
    if ((path[i] == '{' || path[i] == '}') && is_twice) {
      parts.add(path.substr(i++, 1));
      continue;
    }
    const auto end = path[i] == '{' && i + 1 < path.size() && begins_word(path[i + 1]) ? path.find('}', i) : path.npos;
    if (end == std::string_view::npos) {
      parts.add(path.substr(i, 1));
      continue;
    }
    std::string_view inside = path.substr(i + 1, end - i - 1);
    ASSIGN_OR_RETURN(const auto value, value_of(inside, place));
    if (value) {
      parts.add_own(inside.substr(0, inside.find(':')), *value);
    } else {
      if (inside.starts_with(kField)) inside.remove_prefix(kField.size());
      parts.add_field(inside);
    }
    i = end;
  }
  return parts.take();
}

std::string_view meaning_of(std::string_view own_word) {
  return own_word == "date"   ? "the start of the execution"
         : own_word == "name" ? "the name of the job"
                              : "the execution";
}

std::string field_placeholder(std::string_view field) {
  return fmt::format("{{{}{}}}", is_own_word(field) ? kField : "", field);
}

std::string file_name_of(std::string_view text) {
  std::string name;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_plain = c != '/' && c != '%' && byte >= 0x20 && byte != 0x7f;
    const bool hides = name.empty() && c == '.';
    if (is_plain && !hides)
      name += c;
    else
      name += fmt::format("%{:02X}", byte);
  }
  return name.empty() ? "%00" : name;
}

Result<std::string> date_in_format(std::string_view format, WallMs moment) {
  constexpr std::int64_t kMsPerSecond = 1'000;
  const auto seconds = static_cast<std::time_t>(moment / kMsPerSecond);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::string text;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') {
      text += format[i];
      continue;
    }
    const char directive = i + 1 < format.size() ? format[++i] : '\0';
    if (directive == '\0' || kDirectives.find(directive) == std::string_view::npos)
      return Error(ErrorCode::invalid,
                   fmt::format("\"{}\" is no format of a date: there are %Y %y %m %d %H %M %S %j %G %V %u %%", format),
                   false);
    const std::array<char, 3> one = {'%', directive, '\0'};
    std::array<char, 32> buffer{};
    text.append(buffer.data(), std::strftime(buffer.data(), buffer.size(), one.data(), &parts));
  }
  return text;
}

}  // namespace slicemill
