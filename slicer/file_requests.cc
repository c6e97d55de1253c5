#include "slicer/file_requests.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "core/formats/file_print.h"
#include "core/formats/path_member.h"
#include "core/runtime/printable.h"
#include "core/runtime/text.h"

namespace slicemill {
namespace {

constexpr std::size_t kListed = 256;  // requests of one run, at most

std::string without_size(const std::string& path) {
  return fmt::format("{},\"total\":0,\"mtime_ns\":0,\"inode\":0,\"offset\":0,\"length\":0", path_member("path", path));
}

}  // namespace

DiscoveredFile discovered(Files& files, const std::string& path, const FileStat& stat, std::uint64_t total) {
  DiscoveredFile file{path, total, stat.mtime_ns, stat.inode, stat.device};
  if (const auto opened = files.open(path); opened) {
    if (const auto print = file_print(**opened, total); print) file.print = *print;
  }
  return file;
}

bool may_be_cut(Files& files, const FileReading& reading, const std::string& path) {
  if (!reading.cuts_ranges() && !reading.cuts_rows()) return false;
  std::array<char, kContentBytes> first;
  std::size_t size = 0;
  if (!reading.compression) {
    const auto file = files.open(path);
    const auto got = file ? (*file)->read_at(0, first) : Result<std::size_t>(0);
    if (got) size = *got;
  }
  const auto compression = reading.compression_of(path, {first.data(), size});
  return compression && *compression == Compression::none;
}

void RunBuilder::add(std::string request) {
  list_.requests.push_back(std::move(request));
  ++slices_;
  if (list_.requests.size() == kListed) flush();
}

void RunBuilder::add_ranges(const DiscoveredFile& file, std::uint64_t begin, std::uint64_t end, std::int64_t size) {
  std::string fixed = file.fixed_members();
  if (end - begin <= static_cast<std::uint64_t>(size)) {
    add(fmt::format("{{{},\"offset\":{},\"length\":{}}}", fixed, begin, end - begin));
    return;
  }
  flush();
  turn_.runs.emplace_back(RangeRequests{.fixed = std::move(fixed),
                                        .start_key = "offset",
                                        .span_key = "length",
                                        .span_is_length = true,
                                        .start = static_cast<std::int64_t>(begin),
                                        .step = size,
                                        .end = static_cast<std::int64_t>(end)});
  slices_ += static_cast<std::size_t>((static_cast<std::int64_t>(end - begin) - 1) / size + 1);
}

void RunBuilder::add_unsized(const std::string& path) {
  add(fmt::format("{{{},\"unsized\":true}}", without_size(path)));
}

void RunBuilder::add_stream(const std::string& path, std::uint64_t epoch) {
  add(fmt::format("{{{},\"stream\":true,\"epoch\":{}}}", without_size(path), epoch));
}

void RunBuilder::flush() {
  if (!list_.requests.empty()) turn_.runs.emplace_back(std::exchange(list_, {}));
}

Error not_a_file(const std::string& path, FileKind kind) {
  return Error(ErrorCode::invalid,
               fmt::format("path: {} is {}; files, directories, pipes and the standard input can be read",
                           printable(path), to_string(kind)),
               false);
}

}  // namespace slicemill
