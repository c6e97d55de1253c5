#include "master/assets/bundled_script.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <unordered_map>
#include <utility>

namespace slicemill::master {
namespace {

constexpr std::string_view kExport = "ASSETS";
constexpr std::size_t kMostNames = 1'000'000;  // that literals are assigned to
constexpr std::size_t kMostMembers = 10'000;   // of one literal
constexpr std::size_t kMostRead = 256 << 20;   // characters that are looked at in all: a script may be made to be slow
constexpr int kMostNested = 100;               // templates within templates

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$' ||
         static_cast<unsigned char>(c) >= 0x80;
}

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

struct Member {
  std::string key;
  std::size_t value = 0;  // where it begins; kNowhere: a short form, the key is the name of the value
};

class Script {
 public:
  explicit Script(std::string_view text) : text_(text) {}

  std::vector<std::string> operations() {
    for (std::size_t at = find_name(kExport, 0); at != kNowhere; at = find_name(kExport, at + kExport.size()))
      if (!take_value_after(at + kExport.size())) take_alias_before(at);
    return std::move(found_);
  }

 private:
  static constexpr std::size_t kNowhere = std::string_view::npos;

  bool spend(std::size_t characters) const {
    left_ -= std::min(left_, characters);
    return left_ > 0;
  }

  char at(std::size_t i) const { return i < text_.size() ? text_[i] : '\0'; }

  // The next place where `name` stands by itself.
  std::size_t find_name(std::string_view name, std::size_t from) const {
    for (std::size_t i = text_.find(name, from); spend(std::min(i, text_.size()) - from) && i != kNowhere;
         i = text_.find(name, from)) {
      from = i + 1;
      const bool begins = i == 0 || !is_name_character(text_[i - 1]);
      if (begins && !is_name_character(at(i + name.size()))) return i;
    }
    return kNowhere;
  }

  std::size_t skip_blanks(std::size_t i) const {
    for (;;) {
      while (is_blank(at(i))) ++i;
      if (text_.substr(std::min(i, text_.size()), 2) == "//")
        i = std::min(text_.find('\n', i), text_.size());
      else if (text_.substr(std::min(i, text_.size()), 2) == "/*")
        i = after(text_.find("*/", i + 2), 2);
      else
        return i;
    }
  }
  std::size_t after(std::size_t found, std::size_t length) const {
    return found == kNowhere ? text_.size() : found + length;
  }

  std::string_view name_at(std::size_t i) const {
    const std::size_t begin = i;
    while (is_name_character(at(i))) ++i;
    return text_.substr(std::min(begin, text_.size()), i - begin);
  }

  // Behind a text that begins at i with its quote.
  std::size_t skip_text(std::size_t i) const {
    const std::size_t begin = i;
    const char quote = at(i++);
    while (i < text_.size() && text_[i] != quote) {
      if (text_[i] == '\\') {
        i += 2;
      } else if (quote == '`' && text_[i] == '$' && at(i + 1) == '{') {
        i = ++nested_ > kMostNested ? text_.size() : skip_brackets(i + 1);
        --nested_;
      } else {
        ++i;
      }
    }
    (void)spend(i - begin);
    return i + 1;
  }

  // Behind the bracket that closes the one at i.
  std::size_t skip_brackets(std::size_t i) const {
    int depth = 0;
    while (i < text_.size()) {
      const char c = text_[i];
      if (c == '"' || c == '\'' || c == '`') {
        i = skip_text(i);
        continue;
      }
      if (c == '/' && (at(i + 1) == '/' || at(i + 1) == '*')) {
        i = skip_blanks(i);
        continue;
      }
      if (c == '{' || c == '[' || c == '(') ++depth;
      ++i;
      if ((c == '}' || c == ']' || c == ')') && --depth == 0) return i;
    }
    return text_.size();
  }

  // The comma or the bracket that ends the value at i.
  std::size_t end_of_value(std::size_t i) const {
    while (i < text_.size()) {
      i = skip_blanks(i);
      const char c = at(i);
      if (c == ',' || c == '}' || c == ']' || c == ')' || c == ';') return i;
      if (c == '{' || c == '[' || c == '(')
        i = skip_brackets(i);
      else if (c == '"' || c == '\'' || c == '`')
        i = skip_text(i);
      else
        ++i;
    }
    return i;
  }

  // The members of the literal whose brace is at i, as far as they have plain keys; nothing if it does not look like
  // one.
  std::optional<std::vector<Member>> members(std::size_t i) const {
    std::vector<Member> all;
    std::size_t read = i;
    for (i = skip_blanks(i + 1); at(i) != '}'; i = skip_blanks(i)) {
      if (!spend(i - std::exchange(read, i))) return std::nullopt;
      if (i >= text_.size() || all.size() > kMostMembers) return std::nullopt;
      Member member;
      if (const char c = at(i); c == '"' || c == '\'') {
        const std::size_t end = skip_text(i);
        if (end > text_.size()) return std::nullopt;
        member.key = text_.substr(i + 1, end - i - 2);
        i = skip_blanks(end);
      } else {
        member.key = name_at(i);
        i = skip_blanks(i + member.key.size());
      }
      const char c = at(i);
      if (!member.key.empty() && c == ':') {
        member.value = skip_blanks(i + 1);
        all.push_back(member);
      } else if (!member.key.empty() && (c == ',' || c == '}')) {
        member.value = kNowhere;
        all.push_back(member);
      }
      i = end_of_value(c == ':' ? i + 1 : i);
      if (at(i) == ',')
        ++i;
      else if (at(i) != '}')
        return std::nullopt;
    }
    return all;
  }

  bool is_operation(std::size_t value) const {
    static constexpr std::array<std::string_view, 5> kParts = {"Processor", "Fetcher", "Slicer", "API", "Observer"};
    if (at(value) != '{') return false;
    const auto parts = members(value);
    return parts && std::ranges::any_of(*parts, [](const Member& part) {
             return std::ranges::find(kParts, std::string_view(part.key)) != kParts.end();
           });
  }

  // Whether the name stands for an operation somewhere.
  bool names_operation(const std::string& name) {
    const auto known = names_.find(name);
    if (known != names_.end()) return known->second;
    const auto& all = literals_of(name);
    const bool offers = std::ranges::any_of(all, [&](std::size_t literal) { return is_operation(literal); });
    names_.emplace(name, offers);
    return offers;
  }

  // The braces of the literals that are assigned to the name.
  const std::vector<std::size_t>& literals_of(const std::string& name) {
    if (!std::exchange(literals_known_, true)) find_literals();
    return literals_[name];
  }

  void find_literals() {
    for (std::size_t brace = text_.find('{'); brace != kNowhere; brace = text_.find('{', brace + 1)) {
      std::size_t i = before_blanks(brace);
      if (i == 0 || text_[i - 1] != '=') continue;
      const std::size_t end = i = before_blanks(i - 1);
      while (i > 0 && is_name_character(text_[i - 1])) --i;
      if (i < end && literals_.size() < kMostNames) literals_[std::string(text_.substr(i, end - i))].push_back(brace);
    }
  }
  std::size_t before_blanks(std::size_t i) const {
    while (i > 0 && is_blank(text_[i - 1])) --i;
    return i;
  }

  bool take_literal(std::size_t literal) {
    const auto all = members(literal);
    if (!all) return false;
    for (const Member& member : *all) {
      const std::string value = member.value == kNowhere ? member.key : std::string(name_at(member.value));
      const bool offers = value.empty() ? is_operation(member.value) : names_operation(value);
      const bool is_public = !member.key.starts_with('_') && !member.key.starts_with('.');
      if (offers && is_public && std::ranges::find(found_, member.key) == found_.end()) found_.push_back(member.key);
    }
    return true;
  }

  bool take_named(const std::string& name) {
    if (name.empty() || name == "void") return false;
    bool found = false;
    for (const std::size_t literal : literals_of(name)) found = take_literal(literal) || found;
    return found;
  }

  // ASSETS = value, ASSETS: value, ASSETS: () => value
  bool take_value_after(std::size_t i) {
    if (at(i) == '"' || at(i) == '\'') ++i;  // a quoted key
    i = skip_blanks(i);
    const char sign = at(i);
    if (sign != ':' && (sign != '=' || at(i + 1) == '=' || at(i + 1) == '>')) return false;
    i = skip_blanks(i + 1);
    if (at(i) == '(' && at(skip_blanks(i + 1)) == ')') {
      i = skip_blanks(skip_blanks(i + 1) + 1);
      if (at(i) != '=' || at(i + 1) != '>') return false;
      i = skip_blanks(i + 2);
    }
    if (at(i) == '{') return take_literal(i);
    return take_named(std::string(name_at(i)));
  }

  // export {value as ASSETS}
  bool take_alias_before(std::size_t i) {
    i = before_blanks(i);
    if (i < 3 || text_.substr(i - 2, 2) != "as" || !is_blank(text_[i - 3])) return false;
    const std::size_t end = i = before_blanks(i - 2);
    while (i > 0 && is_name_character(text_[i - 1])) --i;
    return take_named(std::string(text_.substr(i, end - i)));
  }

  std::string_view text_;
  mutable std::size_t left_ = kMostRead;
  mutable int nested_ = 0;
  bool literals_known_ = false;
  std::unordered_map<std::string, std::vector<std::size_t>> literals_;
  std::unordered_map<std::string, bool> names_;  // that were asked for
  std::vector<std::string> found_;
};

}  // namespace

std::vector<std::string> bundled_operations(std::string_view script) {
  return Script(script).operations();
}

}  // namespace slicemill::master
