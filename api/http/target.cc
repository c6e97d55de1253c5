#include "api/http/target.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>

#include "core/runtime/json.h"

namespace slicemill::api {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The byte that the escape at text[at] == '%' stands for.
std::optional<char> escaped_byte(std::string_view text, std::size_t at) {
  if (at + 2 >= text.size()) return std::nullopt;
  int high = hex_digit(text[at + 1]);
  int low = hex_digit(text[at + 2]);
  if (high < 0 || low < 0) return std::nullopt;
  return static_cast<char>(high * 16 + low);
}

std::string form_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out += ' ';
    } else if (auto byte = text[i] == '%' ? escaped_byte(text, i) : std::nullopt) {
      out += *byte;
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace

Target split_target(std::string_view target) {
  target = target.substr(0, target.find('#'));
  if (!target.starts_with('/')) {
    auto authority = target.find("://");
    if (authority != std::string_view::npos && authority < target.find('?')) {
      auto end = target.find_first_of("/?", authority + 3);
      target = end == std::string_view::npos ? std::string_view() : target.substr(end);
    }
  }
  auto question = target.find('?');
  Target out{target.substr(0, question), question == std::string_view::npos ? "" : target.substr(question + 1)};
  if (out.path.empty()) out.path = "/";
  return out;
}

std::string_view target_authority(std::string_view target) {
  const auto begin = target.find("://");
  if (target.starts_with('/') || begin == std::string_view::npos || begin > target.find_first_of("?#")) return {};
  auto authority = target.substr(begin + 3);
  authority = authority.substr(0, authority.find_first_of("/?#"));
  const auto user = authority.rfind('@');
  return user == std::string_view::npos ? authority : authority.substr(user + 1);
}

Result<std::string> percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    auto byte = escaped_byte(text, i);
    if (!byte) return Error(ErrorCode::invalid, fmt::format("broken percent-encoding at byte {} of \"{}\"", i, text));
    out += *byte;
    i += 2;
  }
  const bool is_ascii = std::ranges::all_of(out, [](char c) { return static_cast<signed char>(c) >= 0; });
  if (!is_ascii && !can_be_json_text(out))
    return Error(ErrorCode::invalid, fmt::format("\"{}\" does not decode to UTF-8", text));
  return out;
}

Result<std::vector<std::string>> path_segments(std::string_view path) {
  std::vector<std::string> out;
  if (path.starts_with('/')) path.remove_prefix(1);
  if (path.ends_with('/')) path.remove_suffix(1);
  if (path.empty()) return out;
  out.reserve(6);
  while (true) {
    auto slash = path.find('/');
    ASSIGN_OR_RETURN(auto segment, percent_decode(path.substr(0, slash)));
    out.push_back(std::move(segment));
    if (slash == std::string_view::npos) return out;
    path.remove_prefix(slash + 1);
  }
}

std::vector<Parameter> parse_query(std::string_view query) {
  std::vector<Parameter> out;
  while (!query.empty()) {
    auto ampersand = query.find('&');
    std::string_view pair = query.substr(0, ampersand);
    query = ampersand == std::string_view::npos ? std::string_view() : query.substr(ampersand + 1);
    if (pair.empty()) continue;
    auto equals = pair.find('=');
    out.push_back({form_decode(pair.substr(0, equals)),
                   equals == std::string_view::npos ? "" : form_decode(pair.substr(equals + 1))});
  }
  return out;
}

}  // namespace slicemill::api
