#include "operations/processors/child_framing.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "core/formats/json_scan.h"

namespace slicemill {
namespace {

constexpr std::size_t kSizeBytes = 4;
constexpr std::size_t kLongestLine = 256 << 20;

std::uint32_t in_order(std::uint32_t number, bool is_little_endian) {
  return (std::endian::native == std::endian::little) == is_little_endian ? number : __builtin_bswap32(number);
}

bool is_empty_line(std::string_view line) {
  return line.find_first_not_of(" \t") == std::string_view::npos;
}

}  // namespace

Result<void> write_request(const ChildFraming& framing, const RecordBatch& batch, std::string& text) {
  const std::size_t size = batch.bytes() + batch.records.size();
  if (framing.has_lengths && size > std::numeric_limits<std::uint32_t>::max()) {
    return Error(ErrorCode::invalid, fmt::format("a batch of {} bytes does not fit into a frame", size), false);
  }
  const std::size_t head = framing.has_lengths ? kSizeBytes : 0;
  text.resize(head + size);
  char* out = text.data();
  if (framing.has_lengths) {
    const std::uint32_t number = in_order(static_cast<std::uint32_t>(size), framing.is_little_endian);
    std::memcpy(out, &number, kSizeBytes);
    out += kSizeBytes;
  }
  for (const auto record : batch.records) {
    if (!record.empty()) std::memcpy(out, record.data(), record.size());
    out += record.size();
    *out++ = '\n';
  }
  return {};
}

void write_slice_end(std::string& text) {
  text.assign(kSizeBytes, '\0');
}

void ChildOutput::begin_slice() {
  held_.clear();
  in_frame_ = replies_ = line_number_ = 0;
}

void ChildOutput::attach(RecordBatch& batch) {
  // A record that filled a whole batch gets room to go on.
  const std::size_t size = std::max(RecordBatch::kTargetBytes, 2 * held_.size());
  block_ = {batch.allocate(size), size};
  if (!held_.empty()) std::memcpy(block_.data(), held_.data(), held_.size());
  filled_ = scanned_ = held_.size();
  line_ = 0;
  held_.clear();
}

void ChildOutput::detach(RecordBatch& batch) {
  held_.assign(block_.data() + line_, filled_ - line_);
  batch.shrink_last(block_.data(), line_);
  block_ = {};
}

bool ChildOutput::begin_frame() {
  if (filled_ - line_ < kSizeBytes) return false;
  std::uint32_t number = 0;
  std::memcpy(&number, block_.data() + line_, kSizeBytes);
  in_frame_ = in_order(number, framing_.is_little_endian);
  line_ += kSizeBytes;
  scanned_ = line_;
  if (in_frame_ == 0) ++replies_;
  return true;
}

Result<void> ChildOutput::took(std::size_t size, RecordBatch& batch) {
  filled_ += size;
  while (line_ < filled_) {
    if (framing_.has_lengths && in_frame_ == 0) {
      if (!begin_frame()) return {};
      continue;
    }
    const std::size_t limit =
        framing_.has_lengths ? static_cast<std::size_t>(std::min<std::uint64_t>(filled_, line_ + in_frame_)) : filled_;
    const auto* found = static_cast<const char*>(std::memchr(block_.data() + scanned_, '\n', limit - scanned_));
    std::size_t end = limit;
    std::size_t next = limit;
    if (found != nullptr) {
      end = static_cast<std::size_t>(found - block_.data());
      next = end + 1;
    } else if (!framing_.has_lengths || limit < line_ + in_frame_) {
      scanned_ = limit;
      if (filled_ - line_ <= kLongestLine) return {};
      return Error(ErrorCode::invalid,
                   fmt::format("line {} of its output is longer than {} MB", line_number_ + 1, kLongestLine >> 20),
                   false);
    }
    RETURN_IF_ERROR(add_line({block_.data() + line_, end - line_}, batch));
    if (framing_.has_lengths) {
      in_frame_ -= next - line_;
      if (in_frame_ == 0) ++replies_;
    }
    line_ = scanned_ = next;
  }
  return {};
}

Result<void> ChildOutput::end(RecordBatch& batch) {
  if (framing_.has_lengths || line_ == filled_) return {};
  const std::string_view line(block_.data() + line_, filled_ - line_);
  line_ = scanned_ = filled_;
  return add_line(line, batch);
}

Result<void> ChildOutput::reject(std::string_view marked) {
  const char* const end = marked.data() + marked.size();
  const JsonScan scan =
      marked.starts_with(" \"") ? scan_json_value(marked.data() + 1, end) : JsonScan{.state = JsonScan::State::broken};
  if (scan.state != JsonScan::State::complete || scan.at == end || *scan.at != ' ') {
    return Error(ErrorCode::invalid,
                 fmt::format("line {} of its output begins like a rejected record, and is none: {}", line_number_,
                             text_head(marked)),
                 false);
  }
  std::string reason;
  append_unescaped({marked.data() + 2, static_cast<std::size_t>(scan.at - marked.data()) - 3}, reason);
  replace_surrogates(reason, 0);
  const std::string_view record(scan.at + 1, static_cast<std::size_t>(end - scan.at) - 1);
  return rejecter_.reject(
      record,
      Error(ErrorCode::invalid, fmt::format("the child rejects a record: {}: {}", reason, text_head(record)), false));
}

Result<void> ChildOutput::add_line(std::string_view line, RecordBatch& batch) {
  ++line_number_;
  if (!framing_.mark.empty() && line.starts_with(framing_.mark)) return reject(line.substr(framing_.mark.size()));
  if (!framing_.is_json) {
    batch.records.push_back(line);
    return {};
  }
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (is_empty_line(line)) return {};
  // Tokens take eight bytes each: a very long line is only scanned.
  if (line.size() <= RecordBatch::kTargetBytes && indexer_.index({&line, 1}, batch.tokens)) {
    batch.records.push_back(line);
    return {};
  }
  const JsonScan scan = check_json_text(line);
  const bool is_text = is_utf8(line);
  if (scan.state == JsonScan::State::complete && is_text) {
    batch.records.push_back(line);
    return {};
  }
  const auto problem = is_text ? fmt::format("byte {}: {}", scan.at - line.data(), scan.problem) : "not UTF-8";
  return rejecter_.reject_product(
      line,
      Error(ErrorCode::invalid,
            fmt::format("line {} of its output is not JSON: {}: {}", line_number_, problem, text_head(line)), false));
}

}  // namespace slicemill
