#include "cli/client/plain_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "cli/client/documents.h"
#include "cli/default_dialect.h"
#include "core/model/end_reason.h"
#include "core/runtime/json.h"
#include "core/runtime/text.h"

namespace slicemill::cli {
namespace {

constexpr std::string_view kCause = ", caused by Error: ";
constexpr std::string_view kErrorWord = "Error: ";
constexpr std::string_view kNoModule = "Unable to find module for operation: ";
// Each is followed by a name and kNameEnd.
constexpr std::array<std::string_view, 3> kValidations = {
    "Validation failed for operation config: ", "Validation failed for api config: ",
    "Validation failed for job config: "};
constexpr std::string_view kNameEnd = " - ";
// Around the number of slices that failed, and behind it.
constexpr std::string_view kFailuresBegin = "execution: ";
// Around the execution that a slice failed of while it goes on.
constexpr std::string_view kFailingBegin = "execution ";
constexpr std::string_view kFailingMiddle = " has encountered a processing error, reason: slice failure ";
constexpr std::string_view kFailuresMiddle = " had ";
constexpr std::string_view kFailuresEnd = " during processing";

std::string place_of(const Json& issue) {
  std::string place;
  const auto path = issue.find("path");
  if (path == issue.end() || !path->is_array()) return place;
  for (const Json& step : *path) {
    const std::string text = step.is_string() ? step.get<std::string>() : to_compact_text(step);
    if (!text.empty() && text.find_first_not_of("0123456789") == std::string::npos)
      place += "[" + text + "]";
    else
      place += (place.empty() ? "" : ".") + text;
  }
  return place;
}

// Where the JSON text that begins the text ends.
std::size_t end_of_json(std::string_view text) {
  int depth = 0;
  bool in_text = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_text) {
      if (c == '\\') ++i;
      if (c == '"') in_text = false;
    } else if (c == '"') {
      in_text = true;
    } else if (c == '[' || c == '{') {
      ++depth;
    } else if ((c == ']' || c == '}') && --depth == 0) {
      return i + 1;
    }
  }
  return text.size();
}

std::string with_plain_issues(std::string text) {
  for (auto at = text.find(kIssueList); at != std::string::npos; at = text.find(kIssueList, at)) {
    const std::string_view json = std::string_view(text).substr(at + kIssueList.size());
    const std::size_t length = end_of_json(json);
    const auto issues = parse_json(json.substr(0, length));
    std::vector<std::string> lines;
    if (issues && issues->is_array()) {
      for (const Json& issue : *issues) {
        if (!issue.is_object()) continue;
        const std::string place = place_of(issue);
        lines.push_back(place.empty() ? text_of(issue, "message") : place + ": " + text_of(issue, "message"));
      }
    }
    const std::string plain = lines.empty() ? std::string(json.substr(0, length)) : join(lines, "; ");
    text.replace(at, kIssueList.size() + length, plain);
    at += plain.size();
  }
  return text;
}

// The name of an operation has no blank; that of a job may hold anything, so a list of issues tells better where it
// ends.
std::string without_validation_frames(std::string text) {
  for (const std::string_view frame : kValidations) {
    for (auto at = text.find(frame); at != std::string::npos; at = text.find(frame, at)) {
      const auto issues = text.find(std::string(kNameEnd) + std::string(kIssueList), at);
      const auto end =
          issues != std::string::npos && frame == kValidations.back() ? issues : text.find(kNameEnd, at + frame.size());
      if (end == std::string::npos) break;
      text.erase(at, end + kNameEnd.size() - at);
    }
  }
  return text;
}

std::string with_plain_operations(std::string text) {
  for (auto at = text.find(kNoModule); at != std::string::npos; at = text.find(kNoModule, at)) {
    const std::size_t begin = at + kNoModule.size();
    const std::size_t end = std::min(text.find_first_of(" ;", begin), text.size());
    const bool has_hint = text.compare(end, 2, " (") == 0;
    const std::string plain = fmt::format("there is no operation \"{}\"{}", text.substr(begin, end - begin),
                                          has_hint ? "" : "; see `slicemill ops`");
    text.replace(at, end - at, plain);
    at += plain.size();
  }
  return text;
}

// Which execution failed is said elsewhere: "2 slices failed; the first: ...".
std::string with_plain_failures(const std::string& text) {
  if (text.starts_with(kFailingBegin) && text.find(kFailingMiddle) != std::string::npos) return "a slice has failed";
  const EndReason reason = parse_end_reason(text);
  if (const auto* source = std::get_if<SourceFailed>(&reason)) return source->cause;
  if (const auto* output = std::get_if<OutputFailed>(&reason)) return output->cause;
  const auto middle = text.find(kFailuresMiddle);
  if (!text.starts_with(kFailuresBegin) || middle == std::string::npos) return text;
  const auto count = middle + kFailuresMiddle.size();
  const auto end = text.find(kFailuresEnd, count);
  if (end == std::string::npos) return text;
  const std::string slices = text.substr(count, text.find(' ', count) - count);
  return fmt::format("{} slice{} failed{}", slices, slices == "1" ? "" : "s", text.substr(end + kFailuresEnd.size()));
}

}  // namespace

std::string plain_cause(std::string_view message) {
  if (const auto cause = message.rfind(kCause); cause != std::string_view::npos)
    message.remove_prefix(cause + kCause.size());
  while (message.starts_with(kErrorWord)) message.remove_prefix(kErrorWord.size());
  return with_plain_failures(with_plain_operations(with_plain_issues(without_validation_frames(std::string(message)))));
}

bool is_about_input(std::string_view cause) {
  constexpr std::array<std::string_view, 4> kSigns = {": byte ", ": line ", ": row ",
                                                      "changed since it was discovered"};
  if (cause.find("file_reader: ") == std::string_view::npos) return false;
  if (cause.find("`types` names a column") != std::string_view::npos) return false;  // the job is wrong
  return std::ranges::any_of(kSigns, [&](std::string_view sign) { return cause.find(sign) != std::string_view::npos; });
}

Error in_plain_words(Error error) {
  error.message = plain_cause(error.message);
  return error;
}

}  // namespace slicemill::cli
