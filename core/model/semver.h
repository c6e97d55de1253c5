// Versions and ranges of them: Semantic Versioning 2.0.0 (semver.org) for versions and their order; for ranges the
// forms that authors of bundles know from npm. No Debian package does this for C++. Pure, any thread.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/runtime/result.h"

namespace slicemill {

// version := number "." number "." number [ "-" identifiers ] [ "+" identifiers ]
struct SemVer {
  std::uint64_t major = 0, minor = 0, patch = 0;
  std::vector<std::string> prerelease;  // identifiers: "beta", "1"
  std::string build;                    // has no part in the order

  // invalid: the message quotes the text. Blanks around it and a leading "v" or "=" are tolerated, as people write
  // them.
  static Result<SemVer> parse(std::string_view text);
  std::string text() const;  // without the build, which nobody can ask for

  // Precedence (section 11 of the specification).
  std::strong_ordering operator<=>(const SemVer& other) const;
  bool operator==(const SemVer& other) const { return (*this <=> other) == std::strong_ordering::equal; }
};

// range      := part { "||" part }
// part       := partial " - " partial | { [ "^" | "~" | ">=" | ">" | "<=" | "<" | "=" ] partial }
// partial    := version with trailing numbers left out or written as "x", "X" or "*"
//
// Prereleases belong to a range that spans them: "^1.0" holds 1.2.0-beta. An upper bound that is not written out
// excludes the prereleases of the version it stands for: "^1.0" does not hold 2.0.0-beta.
class SemVerRange {
 public:
  static Result<SemVerRange> parse(std::string_view text);
  bool contains(const SemVer& version) const;

 private:
  enum class Bound { at_least, above, below, at_most, exactly };
  struct Comparator {
    Bound bound;
    SemVer version;
  };
  using Part = std::vector<Comparator>;  // all of them hold
  struct Partial;

  static Result<Partial> parse_partial(std::string_view text);
  static Result<Part> parse_part(std::string_view text);
  static Result<void> add_comparator(std::string_view text, Part& part);
  static void add_hyphen(const Partial& low, const Partial& high, Part& part);
  static bool holds(const Comparator& comparator, const SemVer& version);

  std::vector<Part> parts_;  // one of them holds
};

}  // namespace slicemill
