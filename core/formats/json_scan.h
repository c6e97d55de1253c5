// JSON as text: is it well formed, where does a value end, and how is text put into it. No tree, no memory, one pass.
//
// Grammar of RFC 8259; nesting is limited to kMaxJsonDepth. Numbers may have any size. UTF-8 is checked apart from it
// (is_utf8), over whole blocks. Pure functions, any thread. All of them may read kScanPadding bytes behind the text.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace slicemill {

constexpr int kMaxJsonDepth = 1024;

struct JsonScan {
  enum class State { complete, incomplete, broken };
  State state = State::complete;
  const char* at = nullptr;  // complete: behind the value; broken: the first byte that cannot be; incomplete: the end
  const char* problem = nullptr;  // broken, incomplete: what is wrong or missing there
  bool is_too_deep = false;       // broken only in that it is nested deeper than is read here
};

// Scans the value that begins at or after `begin` (white space before it is skipped). A number that reaches `end` is
// complete: whoever can get more bytes must ask again with them.
JsonScan scan_json_value(const char* begin, const char* end);

// The text is one value, white space around it allowed. State is never incomplete: text that ends early is broken at
// its end.
JsonScan check_json_text(std::string_view text);

// Takes the white space outside of strings away, in place; returns the new size. Requires well-formed text.
std::size_t compact_json(char* text, std::size_t size);

bool is_utf8(std::string_view text);
// Where the first sequence begins that is not UTF-8; the size of the text if all is.
std::size_t find_bad_utf8(std::string_view text);

// Appends what the inside of a JSON string stands for. Requires well-formed text. Half of a surrogate pair (\ud83d
// alone, as programs write it that cut texts in the middle) is no character: its code is written in three bytes, as if
// it were one, so that different halves stay different. True if there was one; then the text is not UTF-8 until
// replace_surrogates().
bool append_unescaped(std::string_view inside, std::string& out);
// Puts U+FFFD, the replacement character, in the place of such halves, from byte `from` on.
void replace_surrogates(std::string& text, std::size_t from);

// Writes `text` as the inside of a JSON string and returns the end of what it wrote: at most json_escaped_limit(size)
// bytes, all of which must be writable.
constexpr std::size_t json_escaped_limit(std::size_t size) {
  return 6 * size + 16;
}
char* write_json_escaped(char* out, std::string_view text);

// The text as a quoted JSON string. (Copies, so it needs no padding.)
std::string json_quoted(std::string_view text);

// The first bytes of a record, made fit for an error message: one line, at most 80 characters, cut at a character.
std::string text_head(std::string_view record);

}  // namespace slicemill
