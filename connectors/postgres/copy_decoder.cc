#include "connectors/postgres/copy_decoder.h"

#include <fmt/format.h>

#include <cstdint>
#include <cstring>

#include "connectors/postgres/big_endian.h"
#include "connectors/postgres/json_values.h"
#include "core/runtime/json_writer.h"

namespace slicemill::postgres {
namespace {

constexpr std::string_view kHeaderMark("PGCOPY\n\377\r\n\0", 11);

void append_bytes(RecordText& text, std::string_view bytes) {
  char* const out = text.reserve(bytes.size());
  std::memcpy(out, bytes.data(), bytes.size());
  text.advance(out + bytes.size());
}

}  // namespace

CopyDecoder::CopyDecoder(const std::vector<CopiedColumn>& columns) {
  for (const CopiedColumn& column : columns)
    columns_.push_back(
        {(columns_.empty() ? "{" : ",") + json_string(column.name) + ":", column.decoding, column.element});
}

Result<bool> CopyDecoder::append(std::string_view given, RecordText& text) {
  // Scans read ahead.
  if (padded_.size() < given.size() + kValuePadding) padded_.resize(2 * given.size() + kValuePadding);
  std::memcpy(padded_.data(), given.data(), given.size());
  std::string_view message(padded_.data(), given.size());
  const auto broken = [](std::string_view problem) {
    return Error(ErrorCode::corrupt, fmt::format("the server's COPY has {}", problem));
  };
  if (expects_header_) {
    // mark flags:i32 size:i32 extension
    const std::size_t head = kHeaderMark.size() + 8;
    if (message.size() < head || !message.starts_with(kHeaderMark)) return broken("no header");
    message.remove_prefix(head - 4);
    const auto extension = big_endian<std::uint32_t>(message.data());
    message.remove_prefix(4);
    if (extension > message.size()) return broken("a header that is cut");
    message.remove_prefix(extension);
    expects_header_ = false;
    if (message.empty()) return false;
  }
  if (message.size() < 2) return broken("a row without its number of columns");
  const auto count = big_endian<std::int16_t>(message.data());
  message.remove_prefix(2);
  if (count == -1) return false;
  if (count != static_cast<std::int16_t>(columns_.size()))
    return broken(fmt::format("{} columns instead of {}", count, columns_.size()));
  for (const Column& column : columns_) {
    append_bytes(text, column.prefix);
    if (message.size() < 4) return broken("a row that is cut");
    const auto size = big_endian<std::int32_t>(message.data());
    message.remove_prefix(4);
    if (size == -1) {
      append_bytes(text, "null");
      continue;
    }
    if (size < 0 || static_cast<std::size_t>(size) > message.size()) return broken("a value that is cut");
    const std::string_view value = message.substr(0, static_cast<std::size_t>(size));
    if (!write_json(text, column.decoding, column.element, value))
      return broken(fmt::format("a value of another form, in {}", column.prefix));
    message.remove_prefix(value.size());
  }
  append_bytes(text, "}");
  text.end_record();
  return true;
}

}  // namespace slicemill::postgres
