#include "core/model/end_reason.h"

#include <fmt/core.h>

#include <charconv>

namespace slicemill {
namespace {

constexpr std::string_view kSlice = " slice", kFailed = " failed", kFirst = "; the first: ";
constexpr std::string_view kSource = "the source failed: ", kOutput = "the output cannot be written: ";
constexpr std::string_view kHasFailed = "a slice has failed", kOfLate = " of late";

bool take(std::string_view& text, std::string_view part) {
  if (!text.starts_with(part)) return false;
  text.remove_prefix(part.size());
  return true;
}

struct ReasonText {
  std::string operator()(const SlicesFailed& reason) const {
    return fmt::format("{}{}{}{}{}{}", reason.count, kSlice, reason.count == 1 ? "" : "s", kFailed,
                       reason.first.empty() ? "" : kFirst, reason.first);
  }
  std::string operator()(const SourceFailed& reason) const { return std::string(kSource) + reason.cause; }
  std::string operator()(const OutputFailed& reason) const { return std::string(kOutput) + reason.cause; }
  std::string operator()(const SliceHasFailed& reason) const {
    return fmt::format("{}{}", kHasFailed, reason.is_recent ? kOfLate : "");
  }
  std::string operator()(const OtherReason& reason) const { return reason.text; }
};

}  // namespace

std::string to_text(const EndReason& reason) {
  return std::visit(ReasonText(), reason);
}

EndReason parse_end_reason(std::string_view text) {
  std::string_view rest = text;
  if (take(rest, kSource)) return SourceFailed{std::string(rest)};
  if (take(rest, kOutput)) return OutputFailed{std::string(rest)};
  for (const bool is_recent : {false, true})
    if (const SliceHasFailed failing{is_recent}; to_text(failing) == text) return failing;
  SlicesFailed failed;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), failed.count);
  if (error == std::errc()) {
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    if (take(rest, kSlice)) {
      if (failed.count != 1) take(rest, "s");
      if (take(rest, kFailed) && (rest.empty() || take(rest, kFirst))) {
        failed.first = rest;
        if (to_text(failed) == text) return failed;
      }
    }
  }
  return OtherReason{std::string(text)};
}

}  // namespace slicemill
