#include "core/formats/line_cutter.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace slicemill {

namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool is_blank(std::string_view line) {
  return std::all_of(line.begin(), line.end(), [](char c) { return c == ' ' || c == '\t' || c == '\r'; });
}

// Inlined for certain: most of a line's own cost is the call.
[[gnu::always_inline]] inline void append_line(const LineOptions& options, std::string_view line,
                                               std::vector<std::string_view>& records) {
  if (options.delimiter == "\n" && line.ends_with('\r')) line.remove_suffix(1);
  if (options.skip_blank && (line.empty() || (static_cast<unsigned char>(line[0]) <= ' ' && is_blank(line)))) return;
  records.push_back(line);
}

}  // namespace

LineCutter::LineCutter(LineOptions options, LineRange range)
    : options_(std::move(options)),
      range_(range),
      position_(range.begin - std::min<std::uint64_t>(range.begin, options_.delimiter.size())),
      skipping_(range.begin > 0),
      done_(range.begin >= range.end) {}

std::size_t LineCutter::find_delimiter(std::string_view data, std::size_t from) const {
  const std::string& delimiter = options_.delimiter;
  const void* found = delimiter.size() == 1
                          ? std::memchr(data.data() + from, delimiter[0], data.size() - from)
                          : memmem(data.data() + from, data.size() - from, delimiter.data(), delimiter.size());
  return found == nullptr ? std::string_view::npos
                          : static_cast<std::size_t>(static_cast<const char*>(found) - data.data());
}

std::size_t LineCutter::skip_foreign_record(std::string_view data, bool last) {
  const std::size_t size = options_.delimiter.size();
  const std::size_t found = find_delimiter(data, 0);
  std::size_t used;
  if (found != std::string_view::npos) {
    used = found + size;
    skipping_ = false;
  } else {
    used = last ? data.size() : data.size() - std::min(data.size(), size - 1);
    done_ = last;
  }
  position_ += used;
  // While skipping, the next record cannot start before the end of a delimiter that is still ahead.
  const std::uint64_t earliest = skipping_ ? position_ + size : position_;
  if (earliest >= range_.end) done_ = true;
  return used;
}

std::size_t LineCutter::cut(std::string_view data, bool last, std::vector<std::string_view>& records) {
  std::size_t used = 0;
  if (skipping_ && !done_) {
    used = skip_foreign_record(data, last);
    if (skipping_) return used;
  }
  const std::uint64_t data_at = position_ - used;
  const std::size_t size = options_.delimiter.size();
  while (!done_ && used < data.size()) {
    if (data_at + used >= range_.end) break;
    std::size_t found = find_delimiter(data, used);
    if (found == std::string_view::npos && !last) break;
    const bool is_unended = found == std::string_view::npos;
    if (is_unended) found = data.size();
    std::string_view line = data.substr(used, found - used);
    if (data_at + used == 0 && line.starts_with(kByteOrderMark)) line.remove_prefix(kByteOrderMark.size());
    append_line(options_, line, records);
    used = is_unended ? found : found + size;
  }
  position_ = data_at + used;
  if (position_ >= range_.end || (last && used == data.size())) done_ = true;
  return used;
}

}  // namespace slicemill
