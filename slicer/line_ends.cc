#include "slicer/line_ends.h"

#include <algorithm>
#include <string_view>

#include "core/formats/byte_scan.h"
#include "core/formats/json_scan.h"

namespace slicemill {
namespace {

constexpr std::uint64_t kBlock = 64 << 10;
constexpr std::uint64_t kLongestTail = 1 << 20;  // that is looked at whether it is a whole value

}  // namespace

Result<std::string> LineEnds::bytes(std::uint64_t begin, std::uint64_t end) const {
  std::string text(static_cast<std::size_t>(end - begin), '\0');
  std::size_t filled = 0;
  while (filled < text.size()) {
    ASSIGN_OR_RETURN(const std::size_t got,
                     file_.read_at(begin + filled, std::span(text.data() + filled, text.size() - filled)));
    if (got == 0) break;
    filled += got;
  }
  text.resize(filled);
  text.reserve(filled + kScanPadding);
  return text;
}

Result<std::uint64_t> LineEnds::last_delimiter(std::uint64_t begin, std::uint64_t end) const {
  while (end - begin >= delimiter_.size()) {
    const std::uint64_t from = end - std::min(end - begin, kBlock);
    ASSIGN_OR_RETURN(const std::string block, bytes(from, end));
    if (const std::size_t found = block.rfind(delimiter_); found != std::string::npos)
      return from + found + delimiter_.size();
    if (from == begin) break;
    end = from + delimiter_.size() - 1;  // it may lie across the border
  }
  return begin;
}

Result<std::uint64_t> LineEnds::last_end(std::uint64_t begin, std::uint64_t total) const {
  ASSIGN_OR_RETURN(const std::uint64_t end, last_delimiter(begin, total));
  if (!is_json_ || end == total || total - end > kLongestTail) return end;
  ASSIGN_OR_RETURN(const std::string tail, bytes(end, total));
  const std::size_t first = tail.find_first_not_of(" \t\r\xEF\xBB\xBF");
  if (first == std::string::npos || (tail[first] != '{' && tail[first] != '[')) return end;
  const std::string_view value = std::string_view(tail).substr(first);
  return check_json_text(value).state == JsonScan::State::complete && is_utf8(value) ? total : end;
}

Result<std::uint64_t> LineEnds::begin_of_growth(std::uint64_t end, std::uint64_t total) const {
  const std::uint64_t size = delimiter_.size();
  if (end == 0 || total <= end) return end;
  ASSIGN_OR_RETURN(const std::string before, bytes(end - std::min(end, size), end));
  if (before == delimiter_) return end;
  ASSIGN_OR_RETURN(std::string behind, bytes(end, std::min(total, end + size + 1)));
  if (delimiter_ == "\n" && behind.starts_with('\r')) behind.erase(0, 1);
  if (behind.empty() ||
      std::string_view(behind).substr(0, size) == std::string_view(delimiter_).substr(0, behind.size()))
    return end;
  return last_delimiter(0, end);
}

}  // namespace slicemill
