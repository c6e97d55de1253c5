// Words of an expression's text. Pure, any thread.
//
// number := decimal ["." digits] [("e" | "E") ["+" | "-"] digits] | "0x" hex | "0o" octal | "0b" binary; "_" between
// digits text   := '…' or "…" with \n \t \\ \' \" \xHH \uHHHH \u{H…} \UHHHHHHHH \ooo, or `…` as it stands name   :=
// letter (letter | digit)*         letters: those of any script, "_", "$" comments: "//" to the end of the line, "/*"
// to "*/"
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/runtime/result.h"

namespace slicemill::expression {

enum class TokenKind : std::uint8_t { number, text, name, symbol, end };

struct Token {
  TokenKind kind = TokenKind::end;
  std::string text;        // of a text: what it stands for; of a symbol: that, words such as "and" and "in" included
  std::size_t offset = 0;  // of its first byte
  std::size_t size = 0;    // bytes in the text

  bool is(std::string_view symbol) const { return kind == TokenKind::symbol && text == symbol; }
};

// A message with "(line:column)" of the byte at its end.
Error error_at(std::string_view text, std::size_t offset, std::string_view message);

// Reads words one after another.
class Tokens {
 public:
  explicit Tokens(std::string_view text) : text_(text) {}

  // invalid, with its place: an open text or comment, a bad escape or number, a character that begins nothing.
  Result<Token> next();

 private:
  Result<void> skip_blanks();
  Result<Token> number();
  Result<Token> quoted(char quote);
  Result<Token> raw();
  Result<void> escape(std::string& out);
  Result<std::uint32_t> code_point(std::size_t least, std::size_t most, int base);
  Token name();
  Token symbol();
  Token made(TokenKind kind, std::size_t begin, std::string text) const;
  Error error(std::size_t offset, std::string_view message) const { return error_at(text_, offset, message); }
  char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }

  std::string_view text_;
  std::size_t at_ = 0;
};

// All of them, the end included.
Result<std::vector<Token>> tokens_of(std::string_view text);

}  // namespace slicemill::expression
