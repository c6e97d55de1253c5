#include "core/formats/json_tokens.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <utility>

#include "core/formats/byte_scan.h"
#include "core/formats/json_scan.h"

namespace slicemill {

namespace {

constexpr std::size_t kPieceBytes = std::size_t{1} << 20;  // that are looked at together, if single texts are shorter
constexpr std::size_t kPieceGap = 32;
constexpr std::size_t kKeptBytes = std::size_t{8} << 20;  // a longer text's memory is given back

// What may stand behind a number or a word.
constexpr std::array<bool, 256> make_terminators() {
  std::array<bool, 256> table{};
  for (const char c : {' ', '\n', '\t', '\r', ',', ':', ']', '}'}) table[static_cast<unsigned char>(c)] = true;
  return table;
}
constexpr auto kTerminators = make_terminators();

inline bool is_terminator(char c) {
  return kTerminators[static_cast<unsigned char>(c)];
}

template <std::size_t size>
bool is_word(const char* p, const char (&word)[size]) {
  return std::memcmp(p, word, size - 1) == 0 && is_terminator(p[size - 1]);
}

bool is_number(const char* p) {
  if (*p == '-') ++p;
  if (*p == '0') {
    ++p;
  } else {
    if (!is_digit(*p)) return false;
    while (is_digit(*p)) ++p;
  }
  if (*p == '.') {
    if (!is_digit(*++p)) return false;
    while (is_digit(*p)) ++p;
  }
  if (*p == 'e' || *p == 'E') {
    ++p;
    if (*p == '+' || *p == '-') ++p;
    if (!is_digit(*p)) return false;
    while (is_digit(*p)) ++p;
  }
  return is_terminator(*p);
}

// One escape; where it ends, or null if there is no such escape.
const char* behind_escape(const char* p, const char* end) {
  if (end - p < 2) return nullptr;
  if (p[1] != 'u') return p[1] != '\0' && std::strchr("\"\\/bfnrt", p[1]) != nullptr ? p + 2 : nullptr;
  return end - p >= 6 && std::all_of(p + 2, p + 6, is_hex_digit) ? p + 6 : nullptr;
}

// Requires a text whose tokens keep the grammar: every backslash is within a string then. in_names: some are within
// member names.
bool has_good_escapes(std::string_view text, bool& in_names) {
  const char* end = text.data() + text.size();
  const char* p = text.data();
  in_names = false;
  while ((p = static_cast<const char*>(std::memchr(p, '\\', static_cast<std::size_t>(end - p)))) != nullptr) {
    // To the end of the string: what stands behind it tells whether it is a name.
    while (p != end && *p == '\\') {
      p = behind_escape(p, end);
      if (p == nullptr) return false;
      p = find_json_special(p, end);
    }
    if (p == end) return false;
    ++p;
    while (p < end && is_json_space(*p)) ++p;
    if (p < end && *p == ':') in_names = true;
  }
  return true;
}

struct Range {
  std::uint32_t begin;
  std::uint32_t end;
};

// The first token is the text's own first byte, so that no string that began before goes on into it, and a bracket; the
// last byte is one too, so that numbers and words end within the text.
bool has_container_at(const char* piece, Range text, std::span<const std::uint32_t> places) {
  while (text.begin < text.end && is_json_space(piece[text.begin])) ++text.begin;
  while (text.begin < text.end && is_json_space(piece[text.end - 1])) --text.end;
  if (text.begin == text.end || places.empty() || places.front() != text.begin) return false;
  const char first = piece[text.begin];
  const char last = piece[text.end - 1];
  return (first == '{' || first == '[') && (last == '}' || last == ']');
}

// Requires: *p is neither a quote nor an opening bracket.
inline bool is_number_or_word(const char* p) {
  switch (*p) {
    case 't':
      return is_word(p, "true");
    case 'f':
      return is_word(p, "false");
    case 'n':
      return is_word(p, "null");
    default:
      return is_number(p);
  }
}

// Walks over the places of one text and writes its tokens down: the inner loop of everything that reads JSON.
class Walk {
 public:
  // Where it stands. No place: the text breaks the grammar.
  struct Step {
    const std::uint32_t* place;
    std::uint32_t count;  // of tokens written down
  };

  // end: behind the last place of the piece, as a text that does not end runs into the next one. begin: of the text,
  // whose last byte is a bracket. out: there is room for as many tokens as places.
  Walk(const char* piece, const std::uint32_t* end, std::uint32_t begin, JsonToken* out)
      : piece_(piece), end_(end), begin_(begin), out_(out) {}

  // Requires: an opening bracket is there. Behind the container.
  Step container(Step at, int depth) const {
    if (depth == kMaxJsonDepth || end_ - at.place < 2) return {};
    const std::uint32_t opening = at.count;
    const bool is_object = piece_[*at.place] == '{';
    put(at);
    at = is_object ? members(at, depth) : items(at, depth);
    if (at.place == nullptr) return {};
    put(at);
    out_[opening].behind = at.count;
    return at;
  }

 private:
  void put(Step& at) const { out_[at.count++].at = *at.place++ - begin_; }

  // Requires: a place is there. At the closing bracket.
  Step members(Step at, int depth) const {
    if (piece_[*at.place] == '}') return at;
    for (;;) {
      // The key, a colon, the value, and what stands behind it.
      if (end_ - at.place < 4 || piece_[at.place[0]] != '"' || piece_[at.place[1]] != ':') return {};
      put(at);
      ++at.place;
      at = value(at, depth);
      if (at.place == nullptr) return {};
      const char c = piece_[*at.place];
      if (c != ',') return c == '}' ? at : Step{};
      ++at.place;
    }
  }

  Step items(Step at, int depth) const {
    if (piece_[*at.place] == ']') return at;
    for (;;) {
      if (end_ - at.place < 2) return {};
      at = value(at, depth);
      if (at.place == nullptr) return {};
      const char c = piece_[*at.place];
      if (c != ',') return c == ']' ? at : Step{};
      ++at.place;
    }
  }

  // Requires: two places are there. A place is there behind the value too.
  [[gnu::always_inline]] Step value(Step at, int depth) const {
    const char* p = piece_ + *at.place;
    if (*p != '"') {
      if (*p == '{' || *p == '[') {
        at = container(at, depth + 1);
        return at.place == end_ ? Step{} : at;
      }
      if (!is_number_or_word(p)) return {};
    }
    out_[at.count].behind = at.count + 1;
    put(at);
    return at;
  }

  const char* const piece_;
  const std::uint32_t* const end_;
  const std::uint32_t begin_;
  JsonToken* const out_;
};

}  // namespace

JsonKey::JsonKey(std::string text) : text_(std::move(text)) {
  const bool is_plain = std::none_of(
      text_.begin(), text_.end(), [](char c) { return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20; });
  if (!is_plain) {
    head_ = 1;
    mask_ = prefix_mask_ = ~std::uint64_t{0};  // a control character and zeros: no text has that
    return;
  }
  const std::string head = (text_ + '"').substr(0, sizeof head_);
  const std::string mask(head.size(), '\xFF');
  std::memcpy(&head_, head.data(), head.size());
  std::memcpy(&mask_, mask.data(), mask.size());
  std::memcpy(&prefix_mask_, mask.data(), std::min(text_.size(), mask.size()));
}

std::string_view JsonName::inside() const {
  const char* quote = begin_;
  while (*quote != '"') quote += *quote == '\\' ? 2 : 1;
  return {begin_, static_cast<std::size_t>(quote - begin_)};
}

std::string JsonName::text() const {
  const std::string_view written = inside();
  if (written.find('\\') == std::string_view::npos) return std::string(written);
  std::string text;
  append_unescaped(written, text);
  return text;
}

bool JsonName::is_escaped(const JsonKey& key) const {
  const std::string_view written = inside();
  return written.find('\\') != std::string_view::npos && text() == key.text_;
}

JsonToken* JsonTokens::reserve(std::size_t count) {
  if (capacity_ - used_ < count) {
    const std::size_t capacity = std::max(used_ + count, 2 * capacity_);
    auto larger = std::make_unique_for_overwrite<JsonToken[]>(capacity);
    std::copy_n(tokens_.get(), used_, larger.get());
    tokens_ = std::move(larger);
    capacity_ = capacity;
  }
  return tokens_.get() + used_;
}

void JsonTokens::clear() {
  texts_.clear();
  used_ = 0;
  if (capacity_ * sizeof(JsonToken) <= kKeptBytes) return;
  tokens_.reset();
  capacity_ = 0;
}

void JsonTokens::copy_of(const JsonTokens& other) {
  clear();
  texts_ = other.texts_;
  std::copy_n(other.tokens_.get(), other.used_, reserve(other.used_));
  used_ = other.used_;
}

JsonIndexer::JsonIndexer() = default;
JsonIndexer::~JsonIndexer() = default;

bool JsonIndexer::index(std::span<const std::string_view> texts, JsonTokens& tokens) {
  bool all_good = true;
  while (!texts.empty()) {
    const char* begin = texts.front().data();
    const char* end = begin + texts.front().size();
    std::size_t count = 1;
    for (; count < texts.size(); ++count) {
      const std::string_view next = texts[count];
      if (next.data() < end || static_cast<std::size_t>(next.data() - end) > kPieceGap) break;
      if (static_cast<std::size_t>(next.data() + next.size() - begin) > kPieceBytes) break;
      end = next.data() + next.size();
    }
    if (!index_piece(texts.first(count), tokens)) all_good = false;
    texts = texts.subspan(count);
  }
  return all_good;
}

bool JsonIndexer::index_piece(std::span<const std::string_view> texts, JsonTokens& tokens) {
  const std::size_t first_entry = tokens.texts_.size();
  for (const std::string_view text : texts) tokens.texts_.push_back({text.data(), text.size()});
  const std::span<JsonTokens::Text> entries(tokens.texts_.data() + first_entry, texts.size());
  if (take_tokens(entries, tokens)) return true;
  if (entries.size() == 1) return false;
  // A bad text hides what follows it: where strings begin, or that it is UTF-8.
  bool all_good = true;
  for (JsonTokens::Text& entry : entries) {
    if (!entry.is_good && !take_tokens({&entry, 1}, tokens)) all_good = false;
  }
  return all_good;
}

bool JsonIndexer::take_tokens(std::span<JsonTokens::Text> texts, JsonTokens& tokens) {
  const char* piece = texts.front().data;
  const std::string_view all(piece, static_cast<std::size_t>(texts.back().data + texts.back().size - piece));
  if (!find_tokens(all)) return false;
  const std::span<const std::uint32_t> places(stage_->structural_indexes.get(), stage_->n_structural_indexes);
  const std::uint32_t* const places_end = places.data() + places.size();
  tokens.reserve(places.size());
  const bool may_have_escapes = std::memchr(all.data(), '\\', all.size()) != nullptr;
  std::size_t next = 0;
  bool all_good = true;
  for (JsonTokens::Text& text : texts) {
    const auto begin = static_cast<std::uint32_t>(text.data - piece);
    const auto end = static_cast<std::uint32_t>(begin + text.size);
    while (next < places.size() && places[next] < begin) ++next;
    JsonToken* out = tokens.tokens_.get() + tokens.used_;
    text.first = tokens.used_;
    if (has_container_at(piece, {begin, end}, places.subspan(next))) {
      const Walk walk(piece, places_end, begin, out);
      const Walk::Step behind = walk.container({places.data() + next, 0}, 0);
      const bool is_whole =
          behind.place != nullptr && behind.place[-1] < end && (behind.place == places_end || *behind.place >= end);
      text.is_good =
          is_whole && (!may_have_escapes || has_good_escapes({text.data, text.size}, text.has_escaped_names));
      if (text.is_good) {
        tokens.used_ += behind.count;
        next = static_cast<std::size_t>(behind.place - places.data());
        continue;
      }
    }
    all_good = false;
  }
  return all_good;
}

bool JsonIndexer::find_tokens(std::string_view piece) {
  const bool is_too_small = stage_ == nullptr || stage_->capacity() < piece.size();
  const bool is_too_large = stage_ != nullptr && stage_->capacity() > kKeptBytes && piece.size() <= kPieceBytes;
  if (is_too_small || is_too_large) {
    stage_.reset();
    const auto error = simdjson::get_active_implementation()->create_dom_parser_implementation(
        std::max(piece.size(), kPieceBytes), 1, stage_);
    if (error != simdjson::SUCCESS) throw std::bad_alloc();
  }
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(piece.data());
  return stage_->stage1(bytes, piece.size(), simdjson::stage1_mode::regular) == simdjson::SUCCESS;
}

}  // namespace slicemill
