#include "core/runtime/json.h"

#include <fmt/core.h>

#include <iterator>
#include <nlohmann/json.hpp>

#include "core/runtime/decimal.h"
#include "core/runtime/document_text.h"
#include "core/runtime/json_builder.h"

namespace slicemill {
namespace {

// Goes through a text and lets others see how far it is.
class TrackedPlace {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  TrackedPlace(const char* at, const char** shown) : at_(at), shown_(shown) {}
  reference operator*() const { return *at_; }
  TrackedPlace& operator++() {
    *shown_ = ++at_;
    return *this;
  }
  TrackedPlace operator++(int) {
    TrackedPlace before = *this;
    ++*this;
    return before;
  }
  bool operator==(const TrackedPlace& other) const { return at_ == other.at_; }
  bool operator!=(const TrackedPlace& other) const { return at_ != other.at_; }

 private:
  const char* at_;
  const char** shown_;
};

// The library's message without its "[json.exception...] parse error at line 1, column 2: " head.
std::string parser_complaint(std::string_view what) {
  const auto syntax = what.find("syntax error");
  if (syntax != std::string_view::npos) return std::string(what.substr(syntax));
  const auto colon = what.find(": ");
  return std::string(colon == std::string_view::npos ? what : what.substr(colon + 2));
}

// What the library's parser calls.
class JsonReader {
 public:
  JsonReader(std::string_view text, std::size_t memory) : text_(text), builder_(memory) {}

  Result<Json> read() {
    const char* const end = text_.data() + text_.size();
    if (Json::sax_parse(TrackedPlace(text_.data(), &at_), TrackedPlace(end, &at_), this)) return builder_.take();
    return error_.code == ErrorCode::invalid ? error_ : fail(builder_.complaint(), end_of_token());
  }

  bool null() { return builder_.value(nullptr); }
  bool boolean(bool value) { return builder_.value(value); }
  bool number_integer(Json::number_integer_t value) { return builder_.value(value); }
  bool number_unsigned(Json::number_unsigned_t value) { return builder_.value(value); }
  bool number_float(Json::number_float_t value, const std::string& text) {
    // The parser hands over integers that are too large as well, and takes what is too small for zero.
    const auto mantissa = std::string_view(text).substr(0, text.find_first_of("eE"));
    const bool is_whole = text.find_first_of(".eE") == std::string::npos;
    if (is_whole || (value == 0 && mantissa.find_first_of("123456789") != std::string_view::npos))
      return refuse(fmt::format("the number {} does not fit into 64 bits; give it as text", text));
    if (!is_kept_by_double(text))
      return refuse(fmt::format("the number {} has more digits than a double keeps; give fewer, or a text", text));
    return builder_.value(value);
  }
  bool string(std::string& value) { return builder_.value(std::move(value)); }
  bool binary(Json::binary_t&) { return false; }
  bool start_object(std::size_t) { return builder_.begin_object(); }
  bool key(std::string& name) { return builder_.key(std::move(name)); }
  bool end_object() { return builder_.end(); }
  bool start_array(std::size_t) { return builder_.begin_array(); }
  bool end_array() { return builder_.end(); }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& error) {
    error_ = fail(parser_complaint(error.what()), position == 0 ? 0 : position - 1);
    return false;
  }

 private:
  Error fail(std::string_view complaint, std::size_t offset) const {
    return {ErrorCode::invalid, fmt::format("{}: {}", place_of(text_, offset), complaint)};
  }

  bool refuse(std::string_view complaint) {
    error_ = fail(complaint, end_of_token());
    return false;
  }

  // The last byte that was read. Of a text: where it begins, since its end may be far away.
  std::size_t end_of_token() const {
    auto at = static_cast<std::size_t>(at_ - text_.data());
    if (at == 0) return 0;
    --at;
    if (text_[at] != '"' || at == 0) return at;
    const auto is_escaped = [this](std::size_t quote) {
      std::size_t backslashes = 0;
      while (backslashes < quote && text_[quote - 1 - backslashes] == '\\') ++backslashes;
      return backslashes % 2 == 1;
    };
    std::size_t begin = text_.rfind('"', at - 1);
    while (begin != std::string_view::npos && begin > 0 && is_escaped(begin)) begin = text_.rfind('"', begin - 1);
    return begin == std::string_view::npos ? at : begin;
  }

  std::string_view text_;
  const char* at_ = text_.data();
  JsonBuilder builder_;
  Error error_;
};

}  // namespace

Result<Json> parse_json(std::string_view text, std::size_t memory) {
  std::string storage;
  ASSIGN_OR_RETURN(const std::string_view document, document_text(text, storage));
  return JsonReader(document, memory).read();
}

Result<Json> parse_json_or_yaml(std::string_view text, YamlNotes* notes) {
  std::string storage;
  ASSIGN_OR_RETURN(const std::string_view document, document_text(text, storage));
  const auto first = document.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && (document[first] == '{' || document[first] == '['))
    return parse_json(document, kDocumentMemory);
  return parse_yaml(document, notes);
}

bool is_true(const Json& object, const char* member) {
  const auto found = object.find(member);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

namespace {

bool is_larger_than(const Json& value, std::size_t& left) {
  constexpr std::size_t kValueBytes = 8;
  const std::size_t size = kValueBytes + (value.is_string() ? value.get_ref<const std::string&>().size() : 0);
  if (size > left) return true;
  left -= size;
  if (!value.is_structured()) return false;
  for (const auto& item : value)
    if (is_larger_than(item, left)) return true;
  return false;
}

}  // namespace

bool is_large_document(const Json& value) {
  std::size_t left = kLargeDocument;
  return is_larger_than(value, left);
}

std::string to_compact_text(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string to_pretty_text(const Json& value, int indent) {
  return value.dump(indent, ' ', false, Json::error_handler_t::replace);
}

bool can_be_json_text(const std::string& bytes) {
  try {
    (void)Json(bytes).dump();
    return true;
  } catch (const Json::type_error&) {
    return false;
  }
}

}  // namespace slicemill
