#include "core/model/output_path.h"

#include <fmt/format.h>

#include <array>
#include <ctime>

namespace slicemill {
namespace {

constexpr std::string_view kDirectives = "YymdHMSjGVu%";

bool begins_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

Error wrong(std::string_view what, std::string_view why) {
  return {ErrorCode::invalid, fmt::format("{{{}}}: {}; a literal brace is written {{{{ or }}}}", what, why), false};
}

// One name of a directory or file, whatever the text is. Cut between characters.
std::string as_file_name(std::string_view text) {
  constexpr std::size_t kLongest = 200;  // of the 255 bytes that a name may have
  std::string name;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool begins_character = (byte & 0xC0) != 0x80;
    if (begins_character && name.size() >= kLongest) break;
    const bool is_plain = c != '/' && c != '%' && byte >= 0x20 && byte != 0x7f;
    const bool hides = name.empty() && c == '.';
    if (is_plain && !hides)
      name += c;
    else
      name += fmt::format("%{:02X}", byte);
  }
  return name.empty() ? "%00" : name;
}

Result<std::string> date_text(std::string_view format, WallMs moment) {
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
      return wrong(fmt::format("date:{}", format), "formats are made of %Y %y %m %d %H %M %S %j %G %V %u %%");
    const std::array<char, 3> one = {'%', directive, '\0'};
    std::array<char, 32> buffer{};
    text.append(buffer.data(), std::strftime(buffer.data(), buffer.size(), one.data(), &parts));
  }
  return text;
}

Result<std::string> value_of(std::string_view inside, const OutputPlace& place) {
  const auto colon = inside.find(':');
  const std::string_view word = inside.substr(0, colon);
  const bool has_format = colon != std::string_view::npos;
  if (word == "date") return date_text(has_format ? inside.substr(colon + 1) : "%Y-%m-%d", place.moment);
  if (has_format) return wrong(inside, "only a date has a format");
  if (word == "name") return as_file_name(place.name);
  if (word == "ex_id") return place.ex_id.empty() ? "{ex_id}" : place.ex_id;
  return wrong(inside, "there are {date}, {date:%Y/%m/%d}, {name} and {ex_id}");
}

}  // namespace

bool has_output_placeholder(std::string_view path) {
  return path.find_first_of("{}") != std::string_view::npos;
}

Result<std::string> fill_output_path(std::string_view path, const OutputPlace& place) {
  std::string filled;
  for (std::size_t i = 0; i < path.size(); ++i) {
    const bool is_twice = i + 1 < path.size() && path[i + 1] == path[i];
    if ((path[i] == '{' || path[i] == '}') && is_twice) {
      filled += path[i++];
      continue;
    }
    const auto end = path[i] == '{' && i + 1 < path.size() && begins_word(path[i + 1]) ? path.find('}', i) : path.npos;
    if (end == std::string_view::npos) {
      filled += path[i];
      continue;
    }
    ASSIGN_OR_RETURN(const std::string value, value_of(path.substr(i + 1, end - i - 1), place));
    filled += value;
    i = end;
  }
  return filled;
}

}  // namespace slicemill
