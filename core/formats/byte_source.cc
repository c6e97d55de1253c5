#include "core/formats/byte_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace slicemill {

namespace {

class FileSource final : public ByteSource {
 public:
  FileSource(std::unique_ptr<ReadableFile> file, std::string path, std::uint64_t begin, std::uint64_t end)
      : file_(std::move(file)), path_(std::move(path)), at_(begin), end_(end) {}

  Result<std::size_t> read(std::span<char> buffer) override {
    const std::uint64_t wanted = std::min<std::uint64_t>(buffer.size(), end_ - at_);
    if (wanted == 0) return std::size_t{0};
    ASSIGN_OR_RETURN(const std::size_t got, file_->read_at(at_, buffer.first(static_cast<std::size_t>(wanted))));
    if (got == 0) {
      return Error(
          ErrorCode::invalid,
          fmt::format("{}: ends at byte {}, but had {} when it was discovered: it was truncated", path_, at_, end_),
          false);
    }
    at_ += got;
    return got;
  }

 private:
  std::unique_ptr<ReadableFile> file_;
  std::string path_;
  std::uint64_t at_;
  std::uint64_t end_;
};

}  // namespace

std::unique_ptr<ByteSource> file_source(std::unique_ptr<ReadableFile> file, std::string path, std::uint64_t begin,
                                        std::uint64_t end) {
  return std::make_unique<FileSource>(std::move(file), std::move(path), begin, end);
}

}  // namespace slicemill
