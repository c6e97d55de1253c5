// The tokens of many JSON texts that lie behind each other (the lines of a block), found and checked in one pass:
// whoever looks for fields afterwards goes from token to token and begins nothing anew.
//
// simdjson's first stage finds them, which knows quotes, escapes and UTF-8 and looks at 64 bytes at a time; the grammar
// (the one of core/formats/json_scan.h) is checked here, since its second stage would build a tree. Only objects and
// arrays get tokens. Colons and commas are checked and left out, so that who looks for a field passes half as many.
// Everything belongs to one thread.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
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

// A member name to look for: characters, however a text writes them.
class JsonKey {
 public:
  explicit JsonKey(std::string text);

  const std::string& text() const { return text_; }
  bool operator==(const JsonKey& other) const { return text_ == other.text_; }
  // As JsonName::first_bit() of the same name without escapes.
  std::uint64_t first_bit() const {
    return std::uint64_t{1} << (static_cast<unsigned char>(text_.empty() ? '"' : text_.front()) & 63);
  }

 private:
  friend class JsonName;

  std::string text_;
  // The first eight bytes as a text has them, the closing quote among them if the name is shorter. Names that have to
  // be escaped match nothing here.
  std::uint64_t head_ = 0;
  std::uint64_t mask_ = 0;
  std::uint64_t prefix_mask_ = 0;  // without the quote
};

// A member name as a text writes it.
class JsonName {
 public:
  // begin: behind the opening quote. token: of the name, the value's behind it. may_be_escaped: false if no name of the
  // text is.
  JsonName(const char* begin, const JsonToken* token, bool may_be_escaped)
      : begin_(begin), token_(token), may_be_escaped_(may_be_escaped) {}

  // The member's first byte.
  const char* quote() const { return begin_ - 1; }

  bool is(const JsonKey& key) const { return is_plainly(key) || (may_be_escaped_ && is_escaped(key)); }

  // Of names without escapes.
  bool is_plainly(const JsonKey& key) const {
    std::uint64_t head = 0;
    std::memcpy(&head, begin_, sizeof head);  // there is padding behind the text
    return ((head ^ key.head_) & key.mask_) == 0 && has_tail(key);
  }

  // No name without escapes that is the key, or that begins with it, says no.
  bool may_begin_with(const JsonKey& key) const {
    std::uint64_t head = 0;
    std::memcpy(&head, begin_, sizeof head);
    return ((head ^ key.head_) & key.prefix_mask_) == 0;
  }

  bool may_be_escaped() const { return may_be_escaped_; }
  // A bit for the first byte.
  std::uint64_t first_bit() const { return std::uint64_t{1} << (static_cast<unsigned char>(*begin_) & 63); }

  // Its characters. Halves of surrogate pairs become as append_unescaped() says.
  std::string text() const;

 private:
  // Requires: the head is the same.
  bool has_tail(const JsonKey& key) const {
    const std::size_t size = key.text_.size();
    if (size < sizeof key.head_) return true;
    if (token_[1].at - token_[0].at < size + 3) return false;  // two quotes and a colon
    return begin_[size] == '"' && std::memcmp(begin_, key.text_.data(), size) == 0;
  }
  // The same where the name has escapes.
  bool is_escaped(const JsonKey& key) const;
  std::string_view inside() const;

  const char* begin_;
  const JsonToken* token_;
  bool may_be_escaped_;
};

// A value of a text with tokens. Holds as long as they do.
class JsonValue {
 public:
  JsonValue(const char* text, const JsonToken* tokens, std::uint32_t number, bool may_have_escaped_names)
      : text_(text), tokens_(tokens), number_(number), may_have_escaped_names_(may_have_escaped_names) {}

  bool is_object() const { return *begin() == '{'; }
  bool is_array() const { return *begin() == '['; }
  bool is_container() const { return is_object() || is_array(); }

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

  // visit(JsonName, JsonValue) for each member, in order. A name may occur several times. Requires: is_object().
  template <typename Visit>
  void visit_members(Visit&& visit) const {
    const std::uint32_t closing = tokens_[number_].behind - 1;
    for (std::uint32_t next = number_ + 1; next != closing; next = tokens_[next + 1].behind) {
      visit(JsonName(text_ + tokens_[next].at + 1, tokens_ + next, may_have_escaped_names_), at_token(next + 1));
    }
  }

  // Token of the value of the last member of that name; 0: there is none. The loop of whoever looks for a field in
  // every record. Requires: is_object().
  std::uint32_t last_member(const JsonKey& key) const {
    return may_have_escaped_names_ ? find_last<true>(key) : find_last<false>(key);
  }
  // The same of two names. Requires: the second begins with the first.
  struct Members {
    std::uint32_t first = 0, second = 0;
  };
  Members last_members(const JsonKey& first, const JsonKey& second) const {
    return may_have_escaped_names_ ? find_last<true>(first, second) : find_last<false>(first, second);
  }
  JsonValue at_token(std::uint32_t number) const { return {text_, tokens_, number, may_have_escaped_names_}; }

  // visit(JsonValue) for each item, in order. Requires: is_array().
  template <typename Visit>
  void visit_items(Visit&& visit) const {
    const std::uint32_t closing = tokens_[number_].behind - 1;
    for (std::uint32_t next = number_ + 1; next != closing; next = tokens_[next].behind) visit(at_token(next));
  }

 private:
  template <bool may_be_escaped>
  std::uint32_t find_last(const JsonKey& key) const {
    std::uint32_t found = 0;
    const std::uint32_t closing = tokens_[number_].behind - 1;
    for (std::uint32_t next = number_ + 1; next != closing; next = tokens_[next + 1].behind) {
      const JsonName name(text_ + tokens_[next].at + 1, tokens_ + next, may_be_escaped);
      if (name.is(key)) found = next + 1;
    }
    return found;
  }

  template <bool may_be_escaped>
  Members find_last(const JsonKey& first, const JsonKey& second) const {
    Members found;
    const std::uint32_t closing = tokens_[number_].behind - 1;
    for (std::uint32_t next = number_ + 1; next != closing; next = tokens_[next + 1].behind) {
      const JsonName name(text_ + tokens_[next].at + 1, tokens_ + next, may_be_escaped);
      if (!may_be_escaped && !name.may_begin_with(first)) continue;
      if (name.is(first)) found.first = next + 1;
      if (name.is(second)) found.second = next + 1;
    }
    return found;
  }

  const char* begin() const { return text_ + tokens_[number_].at; }

  const char* text_;
  const JsonToken* tokens_;
  std::uint32_t number_;
  bool may_have_escaped_names_;
};

class JsonTokens {
 public:
  // One text that was looked at.
  struct Text {
    const char* data = nullptr;
    std::size_t size = 0;
    std::size_t first = 0;           // its first token
    bool is_good = false;            // an object or array, well formed
    bool has_escaped_names = false;  // member names with escapes in them
  };

  std::span<const Text> texts() const { return texts_; }
  // Requires: text.is_good.
  JsonValue value(const Text& text) const { return {text.data, tokens_.get() + text.first, 0, text.has_escaped_names}; }
  // Those of the other one, in the place of all that are here.
  void copy_of(const JsonTokens& other);
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
