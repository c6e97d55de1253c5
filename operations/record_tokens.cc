#include "operations/record_tokens.h"

#include <fmt/format.h>

#include "core/formats/json_scan.h"
#include "operations/json_record.h"

namespace slicemill {
namespace {

std::string_view kind_of_value(std::string_view json) {
  const std::size_t first = json.find_first_not_of(" \t\r\n");
  switch (first == std::string_view::npos ? ' ' : json[first]) {
    case '[':
      return "an array";
    case '"':
      return "a text";
    case 't':
    case 'f':
      return "a boolean";
    case 'n':
      return "null";
    default:
      return "a number";
  }
}

}  // namespace

Error not_an_object(std::string_view record) {
  const auto error = [&](std::string_view problem) {
    return Error(ErrorCode::invalid, fmt::format("{}, in {}", problem, record_head(record)), false);
  };
  if (const std::size_t at = find_bad_utf8(record); at != record.size()) {
    return error(fmt::format("record is not UTF-8: byte {} (0x{:02x})", at, static_cast<unsigned char>(record[at])));
  }
  const JsonScan scan = check_json_text(record);
  if (scan.state == JsonScan::State::complete)
    return error(fmt::format("record is {}, not a JSON object", kind_of_value(record)));
  const auto at = scan.at - record.data();
  if (scan.is_too_deep) return error(fmt::format("record is {} (byte {})", scan.problem, at));
  return error(fmt::format("record is not a good JSON object: byte {}: {}", at, scan.problem));
}

}  // namespace slicemill
