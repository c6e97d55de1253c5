#include <fmt/core.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "core/expression/characters.h"
#include "core/expression/functions.h"

namespace slicemill::expression {
namespace {

Error text_error(std::string message) {
  return {ErrorCode::invalid, std::move(message), false};
}

// Without the characters of a set at one end or both.
std::string_view trim_ends(std::string_view text, std::optional<std::string_view> set) {
  const auto is_in_set = [&](std::string_view rest) {
    const auto character = character_at(rest);
    if (!set) return is_blank_character(character.point);
    return set->find(rest.substr(0, character.size)) != set->npos;
  };
  while (!text.empty() && is_in_set(text)) text.remove_prefix(character_at(text).size);
  while (!text.empty()) {
    std::size_t begin = text.size() - 1;
    while (begin > 0 && text.size() - begin < 4 && (text[begin] & 0xC0) == 0x80) --begin;
    if (!is_in_set(text.substr(begin))) break;
    text = text.substr(0, begin);
  }
  return text;
}

Result<Value> trim(const Call& call) {
  ASSIGN_OR_RETURN(const auto text, call.text(0));
  std::optional<std::string_view> set;
  if (call.size() > 1) {
    ASSIGN_OR_RETURN(set, call.text(1));
  }
  RETURN_IF_ERROR(call.budget.step(text.size() * (1 + set.value_or("").size() / 64)));
  return call.made(std::string(trim_ends(text, set)));
}

Result<Value> trim_prefix(const Call& call) {
  ASSIGN_OR_RETURN(auto text, call.text(0));
  std::string_view prefix = " ";
  if (call.size() > 1) {
    ASSIGN_OR_RETURN(prefix, call.text(1));
  }
  if (text.starts_with(prefix)) text.remove_prefix(prefix.size());
  return call.made(std::string(text));
}

Result<Value> trim_suffix(const Call& call) {
  ASSIGN_OR_RETURN(auto text, call.text(0));
  std::string_view suffix = " ";
  if (call.size() > 1) {
    ASSIGN_OR_RETURN(suffix, call.text(1));
  }
  if (text.ends_with(suffix)) text.remove_suffix(suffix.size());
  return call.made(std::string(text));
}

Result<Value> upper(const Call& call) {
  ASSIGN_OR_RETURN(const auto text, call.text(0));
  RETURN_IF_ERROR(call.budget.make(text.size()));
  RETURN_IF_ERROR(call.budget.step(text.size() / 4));
  return call.made(to_upper(text));
}

Result<Value> lower_text(const Call& call) {
  ASSIGN_OR_RETURN(const auto text, call.text(0));
  RETURN_IF_ERROR(call.budget.make(text.size()));
  RETURN_IF_ERROR(call.budget.step(text.size() / 4));
  return call.made(to_lower(text));
}

// At most `most` parts; negative: all. Without a separator, the characters.
Result<Value> split_parts(const Call& call, bool with_separator) {
  ASSIGN_OR_RETURN(auto text, call.text(0));
  ASSIGN_OR_RETURN(const auto separator, call.text(1));
  std::int64_t most = -1;
  if (call.size() > 2) {
    ASSIGN_OR_RETURN(most, call.integer(2));
  }
  if (most == 0) return call.made(List());
  RETURN_IF_ERROR(call.budget.make(text.size()));
  List parts;
  const auto add = [&](std::size_t size, std::size_t taken) -> Result<void> {
    RETURN_IF_ERROR(call.budget.make(2 * sizeof(Value)));
    parts.emplace_back(text.substr(0, size));
    text.remove_prefix(taken);
    return {};
  };
  while (most < 0 || static_cast<std::int64_t>(parts.size()) + 1 < most) {
    if (separator.empty()) {
      if (text.empty()) return call.made(std::move(parts));
      const auto size = character_at(text).size;
      if (size == text.size()) break;
      RETURN_IF_ERROR(add(size, size));
      continue;
    }
    const auto found = text.find(separator);
    if (found == text.npos) break;
    RETURN_IF_ERROR(add(with_separator ? found + separator.size() : found, found + separator.size()));
  }
  RETURN_IF_ERROR(add(text.size(), text.size()));
  return call.made(std::move(parts));
}

Result<Value> split(const Call& call) {
  return split_parts(call, false);
}

Result<Value> split_after(const Call& call) {
  return split_parts(call, true);
}

// An empty `old` stands between all characters.
Result<Value> replace(const Call& call) {
  ASSIGN_OR_RETURN(auto text, call.text(0));
  ASSIGN_OR_RETURN(const auto old, call.text(1));
  ASSIGN_OR_RETURN(const auto replacement, call.text(2));
  std::int64_t most = std::numeric_limits<std::int64_t>::max();
  if (call.size() > 3) {
    ASSIGN_OR_RETURN(most, call.integer(3));
    if (most < 0) most = std::numeric_limits<std::int64_t>::max();
  }
  std::string out;
  const auto put = [&](std::string_view piece) -> Result<void> {
    RETURN_IF_ERROR(call.budget.make(piece.size()));
    RETURN_IF_ERROR(call.budget.step());
    out += piece;
    return {};
  };
  for (; most > 0; --most) {
    const auto found = old.empty() ? 0 : text.find(old);
    if (found == text.npos) break;
    RETURN_IF_ERROR(put(text.substr(0, found)));
    RETURN_IF_ERROR(put(replacement));
    text.remove_prefix(found + old.size());
    if (!old.empty()) continue;
    if (text.empty()) break;
    const auto size = character_at(text).size;
    RETURN_IF_ERROR(put(text.substr(0, size)));
    text.remove_prefix(size);
  }
  RETURN_IF_ERROR(put(text));
  return Value(std::move(out));
}

Result<Value> repeat(const Call& call) {
  ASSIGN_OR_RETURN(const auto text, call.text(0));
  ASSIGN_OR_RETURN(const auto count, call.integer(1));
  if (count < 0) return text_error(fmt::format("repeat cannot repeat {} times", count));
  std::size_t size = 0;
  if (__builtin_mul_overflow(text.size(), static_cast<std::size_t>(count), &size))
    size = std::numeric_limits<std::size_t>::max();
  RETURN_IF_ERROR(call.budget.make(size));
  std::string out;
  if (text.empty()) return Value(std::move(out));
  out.reserve(size);
  for (std::int64_t i = 0; i < count; ++i) out += text;
  return Value(std::move(out));
}

Result<Value> join(const Call& call) {
  RETURN_IF_ERROR(call.require(0, Kind::list));
  std::string_view glue;
  if (call.size() > 1) {
    ASSIGN_OR_RETURN(glue, call.text(1));
  }
  std::string out;
  bool is_first = true;
  for (const auto& item : call[0].items()) {
    if (item.kind() != Kind::text)
      return text_error(
          fmt::format("join joins strings, and an item is {}; string() makes strings", to_string(item.kind())));
    RETURN_IF_ERROR(call.budget.make(item.text().size() + glue.size()));
    RETURN_IF_ERROR(call.budget.step());
    if (!is_first) out += glue;
    is_first = false;
    out += item.text();
  }
  return Value(std::move(out));
}

// In characters, as slices count.
Value index_of_byte(std::string_view text, std::size_t offset) {
  if (offset == text.npos) return -1;
  return static_cast<std::int64_t>(count_characters(text.substr(0, offset)));
}

Result<Value> index_of(const Call& call) {
  ASSIGN_OR_RETURN(const auto text, call.text(0));
  ASSIGN_OR_RETURN(const auto part, call.text(1));
  RETURN_IF_ERROR(call.budget.step(text.size() / 4));
  return index_of_byte(text, text.find(part));
}

Result<Value> last_index_of(const Call& call) {
  ASSIGN_OR_RETURN(const auto text, call.text(0));
  ASSIGN_OR_RETURN(const auto part, call.text(1));
  RETURN_IF_ERROR(call.budget.step(text.size() / 4));
  return index_of_byte(text, text.rfind(part));
}

Result<Value> has_prefix(const Call& call) {
  ASSIGN_OR_RETURN(const auto text, call.text(0));
  ASSIGN_OR_RETURN(const auto part, call.text(1));
  return Value(text.starts_with(part));
}

Result<Value> has_suffix(const Call& call) {
  ASSIGN_OR_RETURN(const auto text, call.text(0));
  ASSIGN_OR_RETURN(const auto part, call.text(1));
  return Value(text.ends_with(part));
}

constexpr std::array kTextFunctions = {
    Function{"trim", 1, 2, trim, Kind::text},
    Function{"trimPrefix", 1, 2, trim_prefix, Kind::text},
    Function{"trimSuffix", 1, 2, trim_suffix, Kind::text},
    Function{"upper", 1, 1, upper, Kind::text},
    Function{"lower", 1, 1, lower_text, Kind::text},
    Function{"split", 2, 3, split, Kind::list},
    Function{"splitAfter", 2, 3, split_after, Kind::list},
    Function{"replace", 3, 4, replace, Kind::text},
    Function{"repeat", 2, 2, repeat, Kind::text},
    Function{"join", 1, 2, join, Kind::text},
    Function{"indexOf", 2, 2, index_of, Kind::integer},
    Function{"lastIndexOf", 2, 2, last_index_of, Kind::integer},
    Function{"hasPrefix", 2, 2, has_prefix, Kind::boolean},
    Function{"hasSuffix", 2, 2, has_suffix, Kind::boolean},
};

}  // namespace

std::span<const Function> text_functions() {
  return kTextFunctions;
}

}  // namespace slicemill::expression
