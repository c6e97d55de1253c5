#include "core/model/mended_records.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "core/model/quarantine.h"
#include "core/runtime/base64.h"

namespace slicemill {
namespace {

Result<std::string> text_member(const Json& record, const char* member, std::size_t index) {
  const auto found = record.is_object() ? record.find(member) : record.end();
  if (!record.is_object() || found == record.end() || !found->is_string())
    return Error(ErrorCode::invalid, fmt::format("records[{}].{}: must be a text", index, member), false);
  return found->get<std::string>();
}

}  // namespace

std::string quarantine_id(std::string_view slice_id, std::uint32_t number) {
  return fmt::format("{}/{}", slice_id, number);
}

Result<MendedRecords> parse_mended_records(const Json& list) {
  if (!list.is_array() || list.empty())
    return Error(ErrorCode::invalid, "records: must be a list of records, each with its id and its bytes", false);
  MendedRecords records;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const Json& record = list[i];
    ASSIGN_OR_RETURN(std::string id, text_member(record, "id", i));
    ASSIGN_OR_RETURN(std::string bytes, text_member(record, "bytes", i));
    const std::string encoding = record.contains("encoding") ? record["encoding"].dump() : "\"utf-8\"";
    if (encoding == "\"base64\"") {
      auto decoded = from_base64(bytes);
      if (!decoded) return with_context(decoded.error(), fmt::format("records[{}].bytes", i));
      bytes = std::move(*decoded);
    } else if (encoding != "\"utf-8\"") {
      return Error(ErrorCode::invalid, fmt::format("records[{}].encoding: must be utf-8 or base64", i), false);
    }
    if (bytes.size() > kLongestQuarantinedBytes)
      return Error(
          ErrorCode::invalid,
          fmt::format("records[{}].bytes: {} bytes; the most is {}", i, bytes.size(), kLongestQuarantinedBytes), false);
    if (!records.emplace(id, std::move(bytes)).second)
      return Error(ErrorCode::invalid, fmt::format("records[{}].id: {} is there twice", i, id), false);
  }
  return records;
}

Json to_json(const MendedRecords& records) {
  Json list = Json::array();
  for (const auto& [id, bytes] : records) {
    const bool is_text = can_be_json_text(bytes);
    list.push_back(
        Json{{"id", id}, {"bytes", is_text ? bytes : to_base64(bytes)}, {"encoding", is_text ? "utf-8" : "base64"}});
  }
  return list;
}

}  // namespace slicemill
