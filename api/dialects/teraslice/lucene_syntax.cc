#include "api/dialects/teraslice/lucene_syntax.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace slicemill::api::teraslice {

namespace {

using query::filter_error;
using query::FilterNode;
using Kind = FilterNode::Kind;
using Occur = FilterNode::Occur;

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// Ends a word wherever it stands.
bool ends_word(char c) {
  return is_blank(c) || std::string_view("()[]{}\"^~").find(c) != std::string_view::npos;
}

std::string unescaped(std::string_view raw) {
  std::string out;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] == '\\' && i + 1 < raw.size()) ++i;
    out += raw[i];
  }
  return out;
}

bool has_wildcard(std::string_view raw) {
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] == '\\')
      ++i;
    else if (raw[i] == '*' || raw[i] == '?')
      return true;
  }
  return false;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<FilterNode> parse() {
    if (text_.size() > kFilterBytes)
      return wrong_at(kFilterBytes, fmt::format("a filter has at most {} bytes", kFilterBytes));
    if (const auto zero = text_.find('\0'); zero != std::string_view::npos) return wrong_at(zero, "a NUL character");
    ASSIGN_OR_RETURN(FilterNode root, parse_query("", 0));
    if (!done()) return wrong("nothing is open that this closes");
    return root;
  }

 private:
  bool done() const { return at_ >= text_.size(); }
  char peek() const { return text_[at_]; }
  bool starts(std::string_view word) const { return text_.substr(at_).starts_with(word); }
  void skip_blanks() {
    while (!done() && is_blank(peek())) ++at_;
  }
  Error wrong_at(std::size_t at, std::string_view what) const { return filter_error(text_, at, what); }
  Error wrong(std::string_view what) const { return wrong_at(at_, what); }

  // A whole word in capitals.
  bool take_word(std::string_view word) {
    if (!starts(word)) return false;
    const std::size_t end = at_ + word.size();
    if (end < text_.size() && !ends_word(text_[end])) return false;
    at_ = end;
    return true;
  }
  bool take(std::string_view symbol) {
    if (!starts(symbol)) return false;
    at_ += symbol.size();
    return true;
  }
  bool take_and() { return take("&&") || take_word("AND"); }
  bool take_or() { return take("||") || take_word("OR"); }

  Result<FilterNode> parse_query(const std::string& field, std::size_t depth) {
    if (depth > kFilterDepth) return wrong(fmt::format("more than {} groups inside each other", kFilterDepth));
    FilterNode group;
    group.at = at_;
    bool joined_by_and = false;
    for (bool operator_before = true;;) {
      skip_blanks();
      const std::size_t clause_at = at_;
      const bool ended = done() || peek() == ')';
      if (ended && operator_before) return wrong("expected a test");
      if (ended) return group;
      Occur occur = parse_modifier();
      ASSIGN_OR_RETURN(FilterNode clause, parse_clause(field, depth));
      if (joined_by_and && occur == Occur::should) occur = Occur::must;
      if (joined_by_and && group.clauses.back().occur == Occur::should) group.clauses.back().occur = Occur::must;
      clause.occur = occur;
      if (clause.at == 0) clause.at = clause_at;
      group.clauses.push_back(std::move(clause));
      skip_blanks();
      joined_by_and = take_and();
      operator_before = joined_by_and || take_or();
    }
  }

  Occur parse_modifier() {
    skip_blanks();
    if (take("+")) return Occur::must;
    if (take("-") || take("!") || take_word("NOT")) return Occur::must_not;
    return Occur::should;
  }

  Result<FilterNode> parse_clause(const std::string& outer_field, std::size_t depth) {
    skip_blanks();
    std::string field = outer_field;
    const std::size_t begin = at_;
    bool named = false;
    if (const std::size_t colon = field_end(); colon != std::string_view::npos) {
      const std::string_view raw = text_.substr(at_, colon - at_);
      at_ = colon + 1;
      skip_blanks();
      if (raw == "*") return parse_everything(begin);
      if (raw == "_exists_") return parse_exists(begin);
      if (has_wildcard(raw)) return wrong_at(begin, "the name of a field has no wildcards");
      field = unescaped(raw);
      named = true;
    }
    Result<FilterNode> clause = !done() && peek() == '(' ? parse_group(field, depth) : parse_test(field, named);
    if (!clause) return clause;
    RETURN_IF_ERROR(skip_suffix());
    return clause;
  }

  // Where the colon of a field's name stands, if one begins here.
  std::size_t field_end() const {
    for (std::size_t i = at_; i < text_.size(); ++i) {
      const char c = text_[i];
      if (c == ':') return i == at_ ? std::string_view::npos : i;
      if (c == '\\') {
        ++i;
      } else if (ends_word(c) || c == '/' || c == '<' || c == '>') {
        return std::string_view::npos;
      }
    }
    return std::string_view::npos;
  }

  Result<FilterNode> parse_group(const std::string& field, std::size_t depth) {
    const std::size_t open = at_++;
    ASSIGN_OR_RETURN(FilterNode group, parse_query(field, depth + 1));
    if (done()) return wrong_at(open, "this group is not closed");
    ++at_;
    group.at = open;
    return group;
  }

  Result<FilterNode> parse_everything(std::size_t begin) {
    if (!take("*")) return wrong("only * can follow *:");
    return leaf(Kind::everything, begin, "", "");
  }

  Result<FilterNode> parse_exists(std::size_t begin) {
    const std::size_t word_at = at_;
    const std::string_view raw = !done() && peek() == '"' ? std::string_view() : take_raw_word();
    if (raw.empty()) return wrong_at(word_at, "expected the name of a field");
    return leaf(Kind::exists, begin, unescaped(raw), "");
  }

  Result<FilterNode> parse_test(const std::string& field, bool named) {
    if (done()) return wrong(named ? "expected a value" : "expected a test");
    const std::size_t begin = at_;
    const char c = peek();
    if (c == '"') {
      ASSIGN_OR_RETURN(std::string text, parse_quoted());
      return leaf(Kind::phrase, begin, field, std::move(text));
    }
    if (c == '/') return parse_regex(field);
    if (c == '[' || c == '{') return parse_range(field);
    if (c == '<' || c == '>') return parse_comparison(field);
    if (c == ':') return wrong("expected the name of a field before this colon");
    const std::string_view raw = take_raw_word();
    if (raw.empty()) return wrong(named ? "expected a value" : "expected a test");
    if (raw == "*" && !field.empty()) return leaf(Kind::exists, begin, field, "");
    if (raw == "*") return leaf(Kind::everything, begin, "", "");
    if (has_wildcard(raw)) return leaf(Kind::wildcard, begin, field, std::string(raw));
    if (raw == "AND" || raw == "OR" || raw == "NOT" || raw == "&&" || raw == "||")
      return wrong_at(begin, fmt::format("expected a test before {}", raw));
    if (raw.ends_with('\\') && !ends_escaped(raw)) return wrong_at(at_ - 1, "nothing follows this backslash");
    return leaf(Kind::term, begin, field, unescaped(raw));
  }

  // Whether the last backslash of a word is itself escaped.
  static bool ends_escaped(std::string_view raw) {
    const auto last = raw.find_last_not_of('\\');
    return (raw.size() - (last == std::string_view::npos ? 0 : last + 1)) % 2 == 0;
  }

  // Up to a blank or a character of the syntax; escapes kept.
  std::string_view take_raw_word() {
    const std::size_t begin = at_;
    for (; !done() && !ends_word(peek()); ++at_)
      if (peek() == '\\' && at_ + 1 < text_.size()) ++at_;
    return text_.substr(begin, at_ - begin);
  }

  Result<std::string> parse_quoted() {
    const std::size_t open = at_++;
    const std::size_t begin = at_;
    for (; !done() && peek() != '"'; ++at_)
      if (peek() == '\\') ++at_;
    if (done()) return wrong_at(open, "this quotation mark is not closed");
    return unescaped(text_.substr(begin, at_++ - begin));
  }

  // A backslash before a slash is taken out, every other one is the expression's own.
  Result<FilterNode> parse_regex(const std::string& field) {
    const std::size_t open = at_++;
    std::string expression;
    for (; !done() && peek() != '/'; ++at_) {
      if (peek() == '\\' && at_ + 1 < text_.size()) {
        if (text_[at_ + 1] != '/') expression += '\\';
        ++at_;
      }
      expression += peek();
    }
    if (done()) return wrong_at(open, "this regular expression is not closed");
    ++at_;
    return leaf(Kind::regex, open, field, std::move(expression));
  }

  Result<FilterNode> parse_comparison(const std::string& field) {
    const std::size_t begin = at_;
    const bool is_low = peek() == '>';
    ++at_;
    const bool included = take("=");
    skip_blanks();
    ASSIGN_OR_RETURN(auto bound, parse_bound());
    ASSIGN_OR_RETURN(FilterNode range, leaf(Kind::range, begin, field, ""));
    (is_low ? range.low : range.high) = std::move(bound);
    (is_low ? range.low_included : range.high_included) = included;
    return range;
  }

  Result<FilterNode> parse_range(const std::string& field) {
    const std::size_t open = at_;
    ASSIGN_OR_RETURN(FilterNode range, leaf(Kind::range, open, field, ""));
    range.low_included = peek() == '[';
    ++at_;
    skip_blanks();
    ASSIGN_OR_RETURN(range.low, parse_bound());
    skip_blanks();
    if (!take_word("TO")) return wrong("expected TO");
    skip_blanks();
    ASSIGN_OR_RETURN(range.high, parse_bound());
    skip_blanks();
    if (done() || (peek() != ']' && peek() != '}')) return wrong_at(done() ? open : at_, "this range is not closed");
    range.high_included = peek() == ']';
    ++at_;
    return range;
  }

  // Nothing: open.
  Result<std::optional<std::string>> parse_bound() {
    if (!done() && peek() == '"') {
      ASSIGN_OR_RETURN(std::string text, parse_quoted());
      return std::optional(std::move(text));
    }
    const std::string_view raw = take_raw_word();
    if (raw.empty()) return wrong("expected a bound");
    if (raw == "*") return std::optional<std::string>();
    return std::optional(unescaped(raw));
  }

  // "^2" after a clause; "~" would be a fuzzy search.
  Result<void> skip_suffix() {
    if (done()) return {};
    if (peek() == '~') return wrong("fuzzy searches are not supported");
    if (peek() != '^') return {};
    const std::size_t begin = at_++;
    const std::size_t digits = at_;
    while (!done() && ((peek() >= '0' && peek() <= '9') || peek() == '.')) ++at_;
    if (at_ == digits) return wrong_at(begin, "expected a number after ^");
    return {};
  }

  Result<FilterNode> leaf(Kind kind, std::size_t at, std::string field, std::string text) {
    if (++tests_ > kFilterTests) return wrong_at(at, fmt::format("more than {} tests", kFilterTests));
    FilterNode node;
    node.kind = kind;
    node.at = at;
    node.field = std::move(field);
    node.text = std::move(text);
    return node;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t tests_ = 0;
};

}  // namespace

Result<query::FilterTree> parse_filter_syntax(std::string_view text) {
  ASSIGN_OR_RETURN(FilterNode root, Parser(text).parse());
  return query::FilterTree{std::string(text), std::move(root)};
}

Result<query::Filter> parse_filter(std::string_view text, std::span<const query::Field> fields, WallMs now) {
  ASSIGN_OR_RETURN(const query::FilterTree tree, parse_filter_syntax(text));
  return query::bind_filter(tree, fields, now);
}

}  // namespace slicemill::api::teraslice
