#include "core/model/semver.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "core/runtime/ascii.h"
#include "core/runtime/text.h"

namespace slicemill {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_identifier_character(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
}

bool is_number(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, is_digit);
}

// No leading zeros: "01" is no number of a version.
bool parse_number(std::string_view text, std::uint64_t& number) {
  if (!is_number(text) || (text.size() > 1 && text.front() == '0')) return false;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  return failure == std::errc() && end == text.data() + text.size();
}

bool parse_identifiers(std::string_view text, bool numbers_are_numbers, std::vector<std::string>& out) {
  for (const auto& identifier : split(text, '.')) {
    if (identifier.empty() || !std::ranges::all_of(identifier, is_identifier_character)) return false;
    if (numbers_are_numbers && is_number(identifier) && identifier.size() > 1 && identifier.front() == '0')
      return false;
    out.push_back(identifier);
  }
  return true;
}

// Cuts "-prerelease+build" off the end of `text`.
bool take_suffixes(std::string_view& text, std::vector<std::string>& prerelease, std::string& build) {
  if (const auto plus = text.find('+'); plus != std::string_view::npos) {
    std::vector<std::string> parts;
    if (!parse_identifiers(text.substr(plus + 1), false, parts)) return false;
    build = text.substr(plus + 1);
    text = text.substr(0, plus);
  }
  if (const auto dash = text.find('-'); dash != std::string_view::npos) {
    if (!parse_identifiers(text.substr(dash + 1), true, prerelease)) return false;
    text = text.substr(0, dash);
  }
  return true;
}

Error bad_version(std::string_view text) {
  return {ErrorCode::invalid, fmt::format("Invalid version \"{}\", it must look like 1.2.3 or 1.2.3-beta.1", text)};
}

Error bad_range(std::string_view text) {
  return {ErrorCode::invalid, fmt::format("Invalid version range \"{}\"", text)};
}

// Numbers are lower than texts; a number of more digits is greater, so no length overflows.
std::strong_ordering compare_identifiers(const std::string& a, const std::string& b) {
  const bool a_is_number = is_number(a), b_is_number = is_number(b);
  if (a_is_number != b_is_number) return a_is_number ? std::strong_ordering::less : std::strong_ordering::greater;
  if (a_is_number && a.size() != b.size()) return a.size() <=> b.size();
  return a.compare(b) <=> 0;
}

// The lowest version of all with these numbers.
SemVer floor_of(std::uint64_t major, std::uint64_t minor, std::uint64_t patch) {
  return {major, minor, patch, {"0"}, ""};
}

}  // namespace

Result<SemVer> SemVer::parse(std::string_view text) {
  std::string_view rest = trimmed(text);
  while (rest.starts_with('v') || rest.starts_with('=')) rest = trimmed(rest.substr(1));
  SemVer version;
  if (!take_suffixes(rest, version.prerelease, version.build)) return bad_version(text);
  const auto numbers = split(rest, '.');
  if (numbers.size() != 3 || !parse_number(numbers[0], version.major) || !parse_number(numbers[1], version.minor) ||
      !parse_number(numbers[2], version.patch)) {
    return bad_version(text);
  }
  return version;
}

std::string SemVer::text() const {
  std::string out = fmt::format("{}.{}.{}", major, minor, patch);
  if (!prerelease.empty()) out += "-" + join(prerelease, ".");
  return out;
}

std::strong_ordering SemVer::operator<=>(const SemVer& other) const {
  if (const auto order = major <=> other.major; order != 0) return order;
  if (const auto order = minor <=> other.minor; order != 0) return order;
  if (const auto order = patch <=> other.patch; order != 0) return order;
  if (prerelease.empty() || other.prerelease.empty()) return other.prerelease.size() <=> prerelease.size();
  return std::lexicographical_compare_three_way(prerelease.begin(), prerelease.end(), other.prerelease.begin(),
                                                other.prerelease.end(), compare_identifiers);
}

// A version of which only the first `given` numbers are fixed.
struct SemVerRange::Partial {
  SemVer version;
  int given = 0;

  SemVer low() const { return given == 3 ? version : floor_of(version.major, version.minor, version.patch); }
  // The lowest version that is greater than all that this stands for.
  SemVer next() const {
    if (given == 1) return floor_of(version.major + 1, 0, 0);
    if (given == 2) return floor_of(version.major, version.minor + 1, 0);
    return floor_of(version.major, version.minor, version.patch + 1);
  }
  SemVer next_of_caret() const {
    if (version.major > 0 || given == 1) return floor_of(version.major + 1, 0, 0);
    if (version.minor > 0 || given == 2) return floor_of(0, version.minor + 1, 0);
    return next();
  }
  SemVer next_of_tilde() const { return given == 1 ? next() : floor_of(version.major, version.minor + 1, 0); }
};

Result<SemVerRange::Partial> SemVerRange::parse_partial(std::string_view text) {
  Partial partial;
  std::string_view rest = text;
  if (rest.starts_with('v')) rest.remove_prefix(1);
  if (!take_suffixes(rest, partial.version.prerelease, partial.version.build)) return bad_range(text);
  const auto numbers = split(rest, '.');
  if (numbers.size() > 3) return bad_range(text);
  std::uint64_t* const places[] = {&partial.version.major, &partial.version.minor, &partial.version.patch};
  bool open = false;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    open = open || numbers[i] == "x" || numbers[i] == "X" || numbers[i] == "*";
    if (open) continue;
    if (!parse_number(numbers[i], *places[i])) return bad_range(text);
    partial.given = static_cast<int>(i) + 1;
  }
  if (partial.given < 3 && !partial.version.prerelease.empty()) return bad_range(text);
  return partial;
}

Result<void> SemVerRange::add_comparator(std::string_view text, Part& part) {
  constexpr std::string_view kOperators[] = {">=", "<=", ">", "<", "=", "^", "~"};
  std::string_view op;
  for (const auto candidate : kOperators) {
    if (op.empty() && text.starts_with(candidate)) op = candidate;
  }
  ASSIGN_OR_RETURN(const Partial partial, parse_partial(text.substr(op.size())));
  const bool whole = partial.given == 3;
  if (partial.given == 0) {
    // "*", ">=*" and the like hold all; nothing is below or above all.
    if (op == "<" || op == ">") part.push_back({Bound::below, floor_of(0, 0, 0)});
    return {};
  }
  if (op == "^") {
    part.push_back({Bound::at_least, partial.low()});
    part.push_back({Bound::below, partial.next_of_caret()});
  } else if (op == "~") {
    part.push_back({Bound::at_least, partial.low()});
    part.push_back({Bound::below, partial.next_of_tilde()});
  } else if (op == ">=") {
    part.push_back({Bound::at_least, partial.low()});
  } else if (op == ">") {
    part.push_back(whole ? Comparator{Bound::above, partial.version} : Comparator{Bound::at_least, partial.next()});
  } else if (op == "<") {
    part.push_back({Bound::below, partial.low()});
  } else if (op == "<=") {
    part.push_back(whole ? Comparator{Bound::at_most, partial.version} : Comparator{Bound::below, partial.next()});
  } else if (whole) {
    part.push_back({Bound::exactly, partial.version});
  } else {
    part.push_back({Bound::at_least, partial.low()});
    part.push_back({Bound::below, partial.next()});
  }
  return {};
}

void SemVerRange::add_hyphen(const Partial& low, const Partial& high, Part& part) {
  part.push_back({Bound::at_least, low.low()});
  if (high.given == 0) return;
  part.push_back(high.given == 3 ? Comparator{Bound::at_most, high.version} : Comparator{Bound::below, high.next()});
}

Result<SemVerRange::Part> SemVerRange::parse_part(std::string_view text) {
  std::vector<std::string> words;
  std::string held;  // an operator that stands apart from its version: ">= 1.2"
  for (const auto& word : split(text, ' ')) {
    if (word.empty()) continue;
    if (word.find_first_not_of("<>=^~") == std::string::npos) {
      held += word;
      continue;
    }
    words.push_back(held + word);
    held.clear();
  }
  if (!held.empty()) return bad_range(text);
  Part part;
  if (words.size() == 3 && words[1] == "-") {
    ASSIGN_OR_RETURN(const Partial low, parse_partial(words[0]));
    ASSIGN_OR_RETURN(const Partial high, parse_partial(words[2]));
    add_hyphen(low, high, part);
    return part;
  }
  for (const auto& word : words) RETURN_IF_ERROR(add_comparator(word, part));
  return part;
}

Result<SemVerRange> SemVerRange::parse(std::string_view text) {
  SemVerRange range;
  for (std::size_t begin = 0; begin <= text.size();) {
    const auto end = std::min(text.find("||", begin), text.size());
    auto part = parse_part(text.substr(begin, end - begin));
    if (!part) return bad_range(text);
    range.parts_.push_back(std::move(*part));
    begin = end + 2;
  }
  return range;
}

bool SemVerRange::holds(const Comparator& comparator, const SemVer& version) {
  const auto order = version <=> comparator.version;
  switch (comparator.bound) {
    case Bound::at_least:
      return order >= 0;
    case Bound::above:
      return order > 0;
    case Bound::below:
      return order < 0;
    case Bound::at_most:
      return order <= 0;
    case Bound::exactly:
      return order == 0;
  }
  return false;
}

bool SemVerRange::contains(const SemVer& version) const {
  return std::ranges::any_of(parts_, [&](const Part& part) {
    return std::ranges::all_of(part, [&](const Comparator& comparator) { return holds(comparator, version); });
  });
}

}  // namespace slicemill
