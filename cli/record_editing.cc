#include "cli/record_editing.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "core/runtime/base64.h"
#include "core/runtime/printable.h"

namespace slicemill::cli {
namespace {

constexpr std::string_view kHead = "=== ", kBase64 = "base64";

constexpr std::string_view kExplanation =
    "# Each record stands below its head. Mend it and save: it runs again as it stands here.\n"
    "# A record that is taken out, with its head, stays quarantined. Without a change nothing runs.\n";

// Whether the record can stand in the text as it is: none of its lines looks like a head.
bool is_plain(std::string_view bytes) {
  return !bytes.starts_with(kHead) && bytes.find("\n=== ") == std::string_view::npos;
}

Error wrong(std::size_t line, std::string_view what) {
  return {ErrorCode::invalid, fmt::format("line {}: {}", line, what), false};
}

Result<MendedRecords> read_json_lines(std::string_view text) {
  Json list = Json::array();
  for (std::size_t line = 1; !text.empty(); ++line) {
    const auto end = text.find('\n');
    const std::string_view one = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (one.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    auto record = parse_json(one);
    if (!record) return with_context(record.error(), fmt::format("line {}", line));
    list.push_back(std::move(*record));
  }
  return parse_mended_records(list);
}

struct Head {
  std::string id;
  bool is_base64 = false;
};

Head parse_head(std::string_view line) {
  line.remove_prefix(kHead.size());
  Head head;
  const auto end = line.find(' ');
  head.id = line.substr(0, end);
  if (end == std::string_view::npos) return head;
  line.remove_prefix(end + 1);
  head.is_base64 = line.substr(0, line.find(' ')) == kBase64;
  return head;
}

}  // namespace

std::string editable_text(const std::vector<Json>& records) {
  std::string text(kExplanation);
  for (const Json& record : records) {
    std::string bytes = record.value("bytes", "");
    bool is_base64 = record.value("encoding", "") == kBase64;
    if (!is_base64 && !is_plain(bytes)) {
      bytes = to_base64(bytes);
      is_base64 = true;
    }
    text += fmt::format("{}{}{} {}: {}\n{}\n", kHead, record.value("id", ""), is_base64 ? " base64" : "",
                        printable(record.value("place", "")), printable(record.value("error", "")), bytes);
  }
  return text;
}

Result<MendedRecords> read_edited(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && text[first] == '{') return read_json_lines(text);
  Json list = Json::array();
  std::size_t number = 0;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    ++number;
    if (line.starts_with(kHead)) {
      Head head = parse_head(line);
      list.push_back({{"id", std::move(head.id)}, {"encoding", head.is_base64 ? "base64" : "utf-8"}});
      continue;
    }
    if (list.empty()) {
      if (line.empty() || line.starts_with('#')) continue;
      return wrong(number, "expected the head of a record, which begins with ===");
    }
    Json& record = list.back();
    if (record.contains("bytes"))
      record["bytes"].get_ref<std::string&>().append("\n").append(line);
    else
      record["bytes"] = line;
  }
  for (const Json& record : list)
    if (!record.contains("bytes"))
      return Error(ErrorCode::invalid,
                   fmt::format("the record {} is empty; take its head out too, and it stays quarantined",
                               record["id"].get<std::string>()),
                   false);
  return parse_mended_records(list);
}

}  // namespace slicemill::cli
