#include "core/expression/tokens.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "core/runtime/printable.h"
#include "core/runtime/utf8.h"

namespace slicemill::expression {
namespace {

constexpr std::uint32_t kLastPoint = 0x10FFFF;

constexpr std::array<std::string_view, 10> kWords = {"not",      "in",         "or",       "and", "matches",
                                                     "contains", "startsWith", "endsWith", "let", "if"};
constexpr std::string_view kElse = "else";
// The longer ones first.
constexpr std::array<std::string_view, 14> kSymbols = {"||", "&&", "==", "!=", "<=", ">=", "**",
                                                       "..", "?.", "??", "::", "|",  "&",  "="};
constexpr std::string_view kSingles = "+-*/%^!<>?:.,;()[]{}#";

bool is_decimal(char c) {
  return c >= '0' && c <= '9';
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' ||
         static_cast<unsigned char>(c) >= 0x80;
}

bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

int hex_digit(char c) {
  if (is_decimal(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return 16;
}

}  // namespace

Error error_at(std::string_view text, std::size_t offset, std::string_view message) {
  const auto head = text.substr(0, std::min(offset, text.size()));
  const auto line = std::count(head.begin(), head.end(), '\n') + 1;
  const auto line_start = head.rfind('\n') + 1;  // 0 without one
  const auto before = head.substr(line_start);
  const auto column = std::count_if(before.begin(), before.end(), [](char c) { return (c & 0xC0) != 0x80; }) + 1;
  return {ErrorCode::invalid, fmt::format("{} ({}:{})", message, line, column), false};
}

Token Tokens::made(TokenKind kind, std::size_t begin, std::string text) const {
  return {kind, std::move(text), begin, at_ - begin};
}

Result<void> Tokens::skip_blanks() {
  for (;;) {
    if (is_space(peek())) {
      ++at_;
    } else if (peek() == '/' && peek(1) == '/') {
      at_ = std::min(text_.find('\n', at_), text_.size());
    } else if (peek() == '/' && peek(1) == '*') {
      const auto end = text_.find("*/", at_ + 2);
      if (end == text_.npos) return error(at_, "this comment does not end");
      at_ = end + 2;
    } else {
      return {};
    }
  }
}

Result<Token> Tokens::next() {
  RETURN_IF_ERROR(skip_blanks());
  if (at_ == text_.size()) return made(TokenKind::end, at_, "");
  const char c = peek();
  if (is_decimal(c) || (c == '.' && is_decimal(peek(1)))) return number();
  if (c == '\'' || c == '"') return quoted(c);
  if (c == '`') return raw();
  if (is_letter(c)) return name();
  if (kSingles.find(c) != kSingles.npos || c == '|' || c == '&' || c == '=') return symbol();
  return error(at_, fmt::format("unexpected character {}", printable(text_.substr(at_, 1))));
}

Result<Token> Tokens::number() {
  const auto begin = at_;
  std::string digits;
  const auto take = [&](auto&& wanted) {
    while (wanted(peek()) || (peek() == '_' && !digits.empty())) {
      if (peek() != '_') digits += peek();
      ++at_;
    }
  };
  const char base = peek() == '0' ? peek(1) : '\0';
  if (base == 'x' || base == 'X' || base == 'o' || base == 'O' || base == 'b' || base == 'B') {
    digits = {'0', static_cast<char>(base | 0x20)};
    at_ += 2;
    const int most = digits[1] == 'x' ? 16 : digits[1] == 'o' ? 8 : 2;
    take([most](char c) { return hex_digit(c) < most; });
    if (digits.size() == 2) return error(begin, "a number without digits");
  } else {
    take(is_decimal);
    if (peek() == '.' && peek(1) != '.') {
      digits += '.';
      ++at_;
      take(is_decimal);
    }
    if (peek() == 'e' || peek() == 'E') {
      digits += 'e';
      ++at_;
      if (peek() == '+' || peek() == '-') digits += text_[at_++];
      if (!is_decimal(peek())) return error(begin, "a number whose exponent has no digits");
      take(is_decimal);
    }
  }
  if (is_letter(peek()) || is_decimal(peek())) return error(begin, "a number that goes on with other characters");
  return made(TokenKind::number, begin, std::move(digits));
}

Result<Token> Tokens::raw() {
  const auto begin = at_++;
  const auto end = text_.find('`', at_);
  if (end == text_.npos) return error(begin, "this text does not end");
  std::string text(text_.substr(at_, end - at_));
  at_ = end + 1;
  return made(TokenKind::text, begin, std::move(text));
}

Result<Token> Tokens::quoted(char quote) {
  const auto begin = at_++;
  std::string text;
  while (peek() != quote) {
    if (at_ == text_.size() || peek() == '\n') return error(begin, "this text does not end");
    if (peek() == '\\') {
      RETURN_IF_ERROR(escape(text));
    } else {
      text += text_[at_++];
    }
  }
  ++at_;
  return made(TokenKind::text, begin, std::move(text));
}

Result<std::uint32_t> Tokens::code_point(std::size_t least, std::size_t most, int base) {
  std::uint32_t point = 0;
  std::size_t digits = 0;
  while (digits < most && hex_digit(peek()) < base) {
    point = point * static_cast<std::uint32_t>(base) + static_cast<std::uint32_t>(hex_digit(peek()));
    ++digits;
    ++at_;
  }
  if (digits < least) return error(at_, "an escape without enough digits");
  return point;
}

Result<void> Tokens::escape(std::string& out) {
  constexpr std::string_view kNames = "abfnrtv\\'\"`?";
  constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v\\'\"`?";
  const auto begin = at_++;
  const char c = peek();
  if (const auto known = kNames.find(c); c != '\0' && known != kNames.npos) {
    ++at_;
    out += kMeanings[known];
    return {};
  }
  std::uint32_t point = 0;
  if (c == 'x') {
    ++at_;
    ASSIGN_OR_RETURN(point, code_point(2, 2, 16));
    out += static_cast<char>(point);
    return {};
  }
  if (c >= '0' && c <= '3') {
    ASSIGN_OR_RETURN(point, code_point(3, 3, 8));
    out += static_cast<char>(point);
    return {};
  }
  if (c == 'u' && peek(1) == '{') {
    at_ += 2;
    ASSIGN_OR_RETURN(point, code_point(1, 6, 16));
    if (peek() != '}') return error(begin, "an escape that does not end");
    ++at_;
  } else if (c == 'u' || c == 'U') {
    ++at_;
    const std::size_t digits = c == 'u' ? 4 : 8;
    ASSIGN_OR_RETURN(point, code_point(digits, digits, 16));
  } else {
    return error(begin, "an unknown escape; a backslash itself is written \\\\");
  }
  if (point > kLastPoint || (point >= 0xD800 && point <= 0xDFFF)) return error(begin, "an escape that is no character");
  append_utf8(point, out);
  return {};
}

Token Tokens::name() {
  const auto begin = at_;
  while (is_letter(peek()) || is_decimal(peek())) ++at_;
  const auto word = text_.substr(begin, at_ - begin);
  const bool is_word = word == kElse || std::ranges::find(kWords, word) != kWords.end();
  return made(is_word ? TokenKind::symbol : TokenKind::name, begin, std::string(word));
}

Token Tokens::symbol() {
  const auto begin = at_;
  const auto rest = text_.substr(at_);
  const auto* known = std::ranges::find_if(kSymbols, [&](std::string_view one) { return rest.starts_with(one); });
  at_ += known == kSymbols.end() ? 1 : known->size();
  return made(TokenKind::symbol, begin, std::string(text_.substr(begin, at_ - begin)));
}

Result<std::vector<Token>> tokens_of(std::string_view text) {
  Tokens reader(text);
  std::vector<Token> tokens;
  do {
    ASSIGN_OR_RETURN(auto token, reader.next());
    tokens.push_back(std::move(token));
  } while (tokens.back().kind != TokenKind::end);
  return tokens;
}

}  // namespace slicemill::expression
