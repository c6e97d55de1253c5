#include "core/query/term_pattern.h"

#include <fmt/core.h>
#include <re2/re2.h>

#include <cstdint>

#include "core/query/field.h"

namespace slicemill::query {

namespace {

constexpr std::int64_t kRegexMemory = 1 << 20;  // bytes, program and automaton

// What comes next in a pattern.
struct Step {
  bool any_text = false;       // '*'
  bool any_character = false;  // '?'
  char literal = 0;
  std::size_t length = 1;  // in the pattern
};
Step step_at(std::string_view pattern, std::size_t at) {
  const char c = pattern[at];
  if (c == '*') return {.any_text = true};
  if (c == '?') return {.any_character = true};
  if (c == '\\' && at + 1 < pattern.size()) return {.literal = pattern[at + 1], .length = 2};
  return {.literal = c};
}

// One character, of UTF-8.
std::size_t character_length(std::string_view text, std::size_t at) {
  std::size_t length = 1;
  while (at + length < text.size() && (static_cast<std::uint8_t>(text[at + length]) & 0xC0) == 0x80) ++length;
  return length;
}

// Greedy with one place to come back to, the last '*': time is at most pattern times text.
bool wildcard_matches(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t after_star = std::string_view::npos;
  std::size_t star_text = 0;
  while (t < text.size()) {
    if (p < pattern.size()) {
      const Step step = step_at(pattern, p);
      if (step.any_text) {
        p += 1;
        after_star = p;
        star_text = t;
        continue;
      }
      if (step.any_character || step.literal == text[t]) {
        p += step.length;
        t += step.any_character ? character_length(text, t) : 1;
        continue;
      }
    }
    if (after_star == std::string_view::npos) return false;
    p = after_star;
    star_text += character_length(text, star_text);
    t = star_text;
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

bool in_range(const TermPattern::Range& range, std::string_view term) {
  if (range.low) {
    const int order = term.compare(*range.low);
    if (order < 0 || (order == 0 && !range.low_included)) return false;
  }
  if (range.high) {
    const int order = term.compare(*range.high);
    if (order > 0 || (order == 0 && !range.high_included)) return false;
  }
  return true;
}

RE2::Options regex_options(bool ignore_case) {
  RE2::Options options(RE2::Quiet);
  options.set_case_sensitive(!ignore_case);
  options.set_dot_nl(true);
  options.set_max_mem(kRegexMemory);
  options.set_never_capture(true);
  return options;
}

// Terms are lines (core/query/field.h), so one search for a line finds a term, where trying each costs several times
// as much. Not for what can see beyond a line or switches off that lines count: ends of the text, bytes, flags.
std::shared_ptr<const RE2> line_regex(std::string_view expression, bool ignore_case) {
  for (std::size_t at = 0; at + 1 < expression.size(); ++at) {
    const char next = expression[at + 1];
    if (expression[at] == '\\' && (next == 'A' || next == 'z' || next == 'C')) return nullptr;
    if (expression[at] == '(' && next == '?' && !expression.substr(at).starts_with("(?:")) return nullptr;
  }
  RE2::Options options = regex_options(ignore_case);
  options.set_never_nl(true);
  auto compiled = std::make_shared<const RE2>(fmt::format("(?m)^(?:{})$", expression), options);
  return compiled->ok() ? compiled : nullptr;
}

}  // namespace

TermPattern TermPattern::wildcard(std::string pattern) {
  return TermPattern(Wildcard{std::move(pattern)});
}

Result<TermPattern> TermPattern::regex(std::string_view expression, bool ignore_case) {
  auto compiled =
      std::make_shared<const RE2>(re2::StringPiece(expression.data(), expression.size()), regex_options(ignore_case));
  if (!compiled->ok()) return Error(ErrorCode::invalid, fmt::format("bad regular expression: {}", compiled->error()));
  return TermPattern(Regex{std::move(compiled), line_regex(expression, ignore_case)});
}

TermPattern TermPattern::range(Range range) {
  return TermPattern(std::move(range));
}

bool TermPattern::matches(std::string_view term) const {
  if (const auto* wildcard = std::get_if<Wildcard>(&test_)) return wildcard_matches(wildcard->pattern, term);
  if (const auto* regex = std::get_if<Regex>(&test_))
    return RE2::FullMatch(re2::StringPiece(term.data(), term.size()), *regex->whole);
  return in_range(std::get<Range>(test_), term);
}

bool TermPattern::is_search() const {
  const auto* regex = std::get_if<Regex>(&test_);
  return regex != nullptr && regex->in_terms != nullptr;
}

bool TermPattern::matches_any(std::string_view terms) const {
  if (terms.empty()) return false;
  terms.remove_prefix(1);
  if (is_search()) {
    const RE2& in_terms = *std::get<Regex>(test_).in_terms;
    return !terms.empty() && RE2::PartialMatch(re2::StringPiece(terms.data(), terms.size() - 1), in_terms);
  }
  while (!terms.empty()) {
    const auto end = terms.find(kTermEnd);
    if (matches(terms.substr(0, end))) return true;
    if (end == std::string_view::npos) return false;
    terms.remove_prefix(end + 1);
  }
  return false;
}

}  // namespace slicemill::query
