#include "slicer/rows_cutter.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/formats/byte_scan.h"
#include "core/formats/csv_reader.h"
#include "core/formats/json_scan.h"
#include "core/formats/path_member.h"

namespace slicemill {

namespace {

constexpr std::size_t kBufferBytes = 1 << 20;
constexpr std::size_t kLongestHeader = 64 << 10;  // it travels with every slice

// The file's own, if its first line names a delimiter.
CsvDialect dialect_of(const FileReading& reading, std::string_view beginning) {
  CsvDialect dialect = reading.dialect;
  if (const auto separator = separator_line(beginning, dialect)) dialect.delimiter = separator->delimiter;
  return dialect;
}

// Where the row ends that the reader takes for the header, as the reader itself says; nothing: it is not within these
// bytes, or is a bad one.
std::optional<std::uint64_t> header_end(const FileReading& reading, std::string_view bytes) {
  const std::string_view all = bytes;
  CsvRows rows(dialect_of(reading, bytes), 0, 1);
  CsvOptions options = reading.csv();
  options.doubts_delimiter = false;  // the reader's to judge
  CsvReader reader(std::move(options));
  RecordText none;
  const CsvReader::OnBadRow pass = [](const BadCsvRow&) { return Result<void>(); };
  while (reader.is_header_pending()) {
    const std::uint64_t begin = rows.offset();
    if (!rows.find_end(bytes, begin)) return std::nullopt;
    if (!reader.read(all.substr(begin, rows.offset() - begin), true, none, pass)) return std::nullopt;
  }
  return rows.offset();
}

}  // namespace

std::string DiscoveredFile::fixed_members() const {
  std::string text = fmt::format("{},\"total\":{},\"mtime_ns\":{},\"inode\":{},\"device\":{}",
                                 path_member("path", path), total, mtime_ns, inode, device);
  if (print) fmt::format_to(std::back_inserter(text), ",\"print\":\"{:016x}\"", *print);
  if (!types.empty()) text.append(",\"types\":").append(types);
  return text;
}

RowsCutter::RowsCutter(DiscoveredFile file, const FileReading& reading, std::uint64_t offset, std::uint64_t line)
    : file_(std::move(file)),
      size_(static_cast<std::uint64_t>(reading.size)),
      rows_(reading.dialect, offset, line),
      begin_(offset),
      dialect_(reading.dialect),
      buffer_(std::make_unique_for_overwrite<char[]>(kBufferBytes + kScanPadding)) {}

Result<std::optional<RowsCutter>> RowsCutter::begin(Files& files, const FileReading& reading, DiscoveredFile file) {
  RowsCutter cutter(std::move(file), reading, 0, 1);
  auto opened = files.open(cutter.file_.path);
  if (!opened) return std::optional<RowsCutter>();
  cutter.open_ = std::move(*opened);
  RETURN_IF_ERROR(cutter.refill());
  const auto end = header_end(reading, cutter.unread_);
  if (!end || *end > kLongestHeader) return std::optional<RowsCutter>();
  cutter.first_end_ = *end;
  cutter.dialect_ = dialect_of(reading, cutter.unread_);
  cutter.rows_ = CsvRows(cutter.dialect_, 0, 1);
  if (reading.fields.empty()) {
    cutter.header_ = cutter.unread_.substr(0, *end);
  } else if (const auto separator = separator_line(cutter.unread_, reading.dialect)) {
    cutter.header_ = cutter.unread_.substr(0, separator->size);
  }
  return std::optional(std::move(cutter));
}

Result<std::optional<RowsCutter>> RowsCutter::follow(Files& files, const FileReading& reading, DiscoveredFile file,
                                                     std::uint64_t offset, std::uint64_t line, bool& may_be_cut_later) {
  const std::uint64_t total = file.total;
  may_be_cut_later = false;
  ASSIGN_OR_RETURN(auto cutter, begin(files, reading, std::move(file)));
  if (!cutter) {
    may_be_cut_later = total <= kLongestHeader;
    return cutter;
  }
  cutter->is_following_ = true;
  if (offset == 0) return cutter;
  cutter->rows_ = CsvRows(cutter->dialect_, offset, line);
  cutter->begin_ = offset;
  cutter->first_end_ = 0;
  cutter->unread_ = {};
  return cutter;
}

Result<RowsCutter> RowsCutter::resume(Files& files, const FileReading& reading, const Json& position) {
  const auto broken = [&] {
    return Error(ErrorCode::corrupt, fmt::format("file slicer position: {}", text_head(to_compact_text(position))),
                 false);
  };
  try {
    ASSIGN_OR_RETURN(std::string path, path_of(position, "path"));
    DiscoveredFile file{std::move(path), position.at("total"), position.at("mtime_ns"), position.at("inode"),
                        position.value("device", std::uint64_t{0})};
    if (const std::string print = position.value("print", ""); !print.empty())
      file.print = std::strtoull(print.c_str(), nullptr, 16);
    if (position.contains("types")) file.types = to_compact_text(position["types"]);
    RowsCutter cutter(std::move(file), reading, position.at("offset"), position.at("line"));
    if (cutter.rows_.offset() == 0 || cutter.rows_.offset() >= cutter.file_.total || cutter.rows_.line() < 2)
      return broken();
    cutter.header_ = position.value("header", "");
    cutter.dialect_ = dialect_of(reading, cutter.header_);
    cutter.rows_ = CsvRows(cutter.dialect_, cutter.rows_.offset(), cutter.rows_.line());
    cutter.is_following_ = position.value("follows", false);
    // Whatever is wrong with the file, the reader of the rest will say it.
    if (auto opened = files.open(cutter.file_.path); opened) {
      ASSIGN_OR_RETURN(const FileStat now, (*opened)->stat());
      if (now.inode == cutter.file_.inode && now.size >= cutter.file_.total) cutter.open_ = std::move(*opened);
    }
    return cutter;
  } catch (const Json::exception&) {
    return broken();
  }
}

Result<bool> RowsCutter::refill() {
  const std::uint64_t left = file_.total - rows_.offset();
  const std::span<char> space(buffer_.get(), static_cast<std::size_t>(std::min<std::uint64_t>(kBufferBytes, left)));
  std::size_t filled = 0;
  while (filled < space.size()) {
    ASSIGN_OR_RETURN(const std::size_t got, open_->read_at(rows_.offset() + filled, space.subspan(filled)));
    if (got == 0) break;
    filled += got;
  }
  unread_ = {buffer_.get(), filled};
  return filled > 0;
}

Result<std::string> RowsCutter::next() {
  const std::uint64_t begin = rows_.offset();
  const std::uint64_t line = rows_.line();
  std::uint64_t end = is_following_ ? begin : file_.total;
  if (open_ != nullptr && file_.total - begin > size_) {
    const std::uint64_t wanted = std::max(begin + size_, first_end_) - 1;
    for (;;) {
      if (unread_.empty()) {
        ASSIGN_OR_RETURN(const bool more, refill());
        if (!more) break;  // it was cut off meanwhile
      }
      if (!rows_.find_end(unread_, wanted)) continue;
      end = rows_.offset();
      break;
    }
  }
  if (is_following_ && end == begin) {
    rows_ = CsvRows(dialect_, begin, line);
    unread_ = {};
    ASSIGN_OR_RETURN(end, find_last_end());
    is_over_ = true;
    return end == begin ? "" : request(begin, line, end);
  }
  is_over_ = end == file_.total;
  return request(begin, line, end);
}

Result<std::uint64_t> RowsCutter::find_last_end() {
  CsvRows last = rows_;
  while (open_ != nullptr) {
    if (unread_.empty()) {
      ASSIGN_OR_RETURN(const bool more, refill());
      if (!more) break;
    }
    if (rows_.find_end(unread_, rows_.offset())) last = rows_;
  }
  rows_ = last;
  return rows_.offset();
}

std::string RowsCutter::request(std::uint64_t begin, std::uint64_t line, std::uint64_t end) const {
  std::string request = fmt::format("{{{},\"offset\":{},\"length\":{}", file_.fixed_members(), begin, end - begin);
  if (line > 1) {
    fmt::format_to(std::back_inserter(request), ",\"line\":{}", line);
    if (!header_.empty()) request.append(",\"header\":").append(json_quoted(header_));
  }
  request.push_back('}');
  return request;
}

std::string RowsCutter::position() const {
  std::string text = fmt::format("{},\"offset\":{},\"line\":{}", file_.fixed_members(), rows_.offset(), rows_.line());
  if (!header_.empty()) text.append(",\"header\":").append(json_quoted(header_));
  if (is_following_) text.append(",\"follows\":true");
  return text;
}

}  // namespace slicemill
