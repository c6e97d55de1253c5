// Records as JSON values, for writers: they get views alone. One per writer; one thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/formats/json_tokens.h"

namespace slicemill {

class RecordValues {
 public:
  // Each record with 64 readable bytes behind it.
  void look_at(std::span<const std::string_view> records) {
    tokens_.clear();
    indexer_.index(records, tokens_);
  }
  // Of those that were looked at last, if it is an object.
  std::optional<JsonValue> object(std::size_t number) const {
    const JsonTokens::Text& text = tokens_.texts()[number];
    if (!text.is_good) return std::nullopt;
    const JsonValue value = tokens_.value(text);
    return value.is_object() ? std::optional(value) : std::nullopt;
  }

 private:
  JsonIndexer indexer_;
  JsonTokens tokens_;
};

// Appends what a JSON string stands for, as UTF-8: half of a surrogate pair becomes the replacement character. True if
// there was one.
bool append_text(std::string_view json, std::string& out);

}  // namespace slicemill
