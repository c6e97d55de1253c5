// JSON text of small documents of our own, member by member, without a value in memory. What comes out is one line.
// Names need no escapes; texts that are not UTF-8 have what is wrong replaced, as in to_compact_text. Any thread, one
// text per object.
#pragma once

#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace slicemill {

// A text as JSON, in quotes.
std::string json_string(std::string_view text);

class JsonObjectWriter {
 public:
  // value: JSON.
  JsonObjectWriter& add_json(std::string_view name, std::string_view value);
  JsonObjectWriter& add(std::string_view name, std::string_view text) { return add_json(name, json_string(text)); }
  JsonObjectWriter& add(std::string_view name, const char* text) { return add(name, std::string_view(text)); }
  JsonObjectWriter& add(std::string_view name, bool value) { return add_json(name, value ? "true" : "false"); }
  JsonObjectWriter& add(std::string_view name, std::integral auto number) {
    return add_json(name, std::to_string(number));
  }
  // null if it is no number that JSON has.
  JsonObjectWriter& add(std::string_view name, double number);
  // null if there is none.
  template <typename T>
  JsonObjectWriter& add(std::string_view name, const std::optional<T>& value) {
    return value ? add(name, *value) : add_json(name, "null");
  }

  std::string take() { return std::exchange(text_, "{") + "}"; }

 private:
  std::string text_ = "{";
};

class JsonListWriter {
 public:
  void add_json(std::string_view value) {
    if (text_.size() > 1) text_ += ',';
    text_ += value;
  }
  std::string take() { return std::exchange(text_, "[") + "]"; }

 private:
  std::string text_ = "[";
};

}  // namespace slicemill
