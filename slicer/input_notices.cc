#include "slicer/input_notices.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/runtime/printable.h"
#include "core/runtime/text.h"

namespace slicemill {
namespace {

constexpr std::size_t kNames = 3;

// Words that are more than one, such as "link to a directory", end where their first noun does.
std::string plural(const std::string& kind) {
  const std::size_t end = std::min(kind.find(" to "), kind.find(" that "));
  std::string noun = kind.substr(0, end);
  if (noun.ends_with('y')) {
    noun.replace(noun.size() - 1, 1, "ies");
  } else {
    noun += 's';
  }
  return end == std::string::npos ? noun : noun + kind.substr(end);
}

}  // namespace

void LeftOut::add(const std::string& kind, std::string_view path) {
  Kind& found = kinds_[kind];
  ++found.count;
  if (found.names.size() <= kNames) found.names.push_back(printable(path.substr(path.rfind('/') + 1)));
}

void LeftOut::add(const std::string& kind, std::uint64_t count) {
  if (count > 0) kinds_[kind].count += count;
}

std::string LeftOut::text() const {
  std::vector<std::string> parts;
  for (const auto& [kind, found] : kinds_) {
    std::vector<std::string> names = found.names;
    if (names.size() > kNames) names[kNames] = "...";
    const std::string listed = names.empty() ? "" : fmt::format(" ({})", join(names, ", "));
    parts.push_back(fmt::format("{} {}{}", found.count, found.count == 1 ? kind : plural(kind), listed));
  }
  return join(parts, ", ");
}

}  // namespace slicemill
