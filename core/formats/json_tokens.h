// The tokens of many JSON texts that lie behind each other (the lines of a block), found and checked in one pass:
// whoever looks for fields afterwards goes from token to token and begins nothing anew.
//
// simdjson's first stage finds them, which knows quotes, escapes and UTF-8 and looks at 64 bytes at a time; the grammar
// (the one of core/formats/json_scan.h) is checked here, since its second stage would build a tree. Only objects and
// arrays get tokens. Colons and commas are checked and left out, so that who looks for a field passes half as many.
// Everything belongs to one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "core/formats/byte_scan.h"

namespace simdjson::internal {
class dom_parser_implementation;
}

namespace slicemill {

// Where a key, a value or a closing bracket begins.
struct JsonToken {
  std::uint32_t at;      // byte of the text
  std::uint32_t behind;  // of a value: number of the token behind it; of others without meaning
};

// A value of a text with tokens. Holds as long as they do.
class JsonValue {
 public:
  JsonValue(const char* text, const JsonToken* tokens, std::uint32_t number)
      : text_(text), tokens_(tokens), number_(number) {}

  bool is_object() const { return *begin() == '{'; }

  // Its own bytes, without white space around them.
  std::string_view bytes() const {
    const JsonToken* behind = tokens_ + tokens_[number_].behind;
    if (is_container()) return {begin(), behind[-1].at + 1 - tokens_[number_].at};
    const char* end = text_ + behind->at;
    while (is_json_space(end[-1])) --end;
    if (end[-1] == ',') --end;
    while (is_json_space(end[-1])) --end;
    return {begin(), static_cast<std::size_t>(end - begin())};
  }

  // visit(key, value) for each member, in order, until it says false; key begins behind the opening quote and ends
  // somewhere before a closing one. Requires: is_object().
  template <typename Visit>
  void visit_members(Visit&& visit) const {
    for (std::uint32_t next = number_ + 1; text_[tokens_[next].at] != '}'; next = tokens_[next + 1].behind) {
      if (!visit(text_ + tokens_[next].at + 1, JsonValue(text_, tokens_, next + 1))) return;
    }
  }

 private:
  const char* begin() const { return text_ + tokens_[number_].at; }
  bool is_container() const { return *begin() == '{' || *begin() == '['; }

  const char* text_;
  const JsonToken* tokens_;
  std::uint32_t number_;
};

class JsonTokens {
 public:
  // One text that was looked at.
  struct Text {
    const char* data = nullptr;
    std::size_t size = 0;
    std::size_t first = 0;  // its first token
    bool is_good = false;   // an object or array, well formed
  };

  std::span<const Text> texts() const { return texts_; }
  // Requires: text.is_good.
  JsonValue value(const Text& text) const { return {text.data, tokens_.get() + text.first, 0}; }
  // Keeps memory, but not that of a very long text.
  void clear();

 private:
  friend class JsonIndexer;
  // Where so many more can be written.
  JsonToken* reserve(std::size_t count);

  std::vector<Text> texts_;
  std::unique_ptr<JsonToken[]> tokens_;
  std::size_t capacity_ = 0;
  std::size_t used_ = 0;
};

class JsonIndexer {
 public:
  JsonIndexer();
  ~JsonIndexer();

  // Appends an entry for each text, in order; says whether all of them are good. The white space around a text is not
  // part of it. Texts may lie anywhere; those at most 32 bytes behind each other must lie in one piece of memory.
  bool index(std::span<const std::string_view> texts, JsonTokens& tokens);

 private:
  // Of texts that lie close to each other.
  bool index_piece(std::span<const std::string_view> texts, JsonTokens& tokens);
  bool take_tokens(std::span<JsonTokens::Text> texts, JsonTokens& tokens);
  bool find_tokens(std::string_view piece);

  std::unique_ptr<simdjson::internal::dom_parser_implementation> stage_;
};

}  // namespace slicemill
