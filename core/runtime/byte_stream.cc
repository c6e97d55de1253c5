#include "core/runtime/byte_stream.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <utility>

#include "core/runtime/printable.h"
#include "core/runtime/text.h"

namespace slicemill {
namespace {

constexpr int kLookMs = 50;  // at the flag, while nothing comes

class DescriptorStream final : public ByteStream {
 public:
  DescriptorStream(int fd, bool is_owned, std::string path, std::int64_t first_writer_ms)
      : fd_(fd), is_owned_(is_owned), path_(std::move(path)), first_writer_ms_(first_writer_ms) {}
  ~DescriptorStream() override {
    if (is_owned_) ::close(fd_);
  }

  Result<std::size_t> read(std::span<char> buffer, const std::atomic<bool>* cancelled) override {
    const auto begun = std::chrono::steady_clock::now();
    for (;;) {
      pollfd watched{fd_, POLLIN, 0};
      const int ready = ::poll(&watched, 1, kLookMs);
      if (ready < 0 && errno != EINTR) return errno_error(errno, "cannot wait for", path_);
      if (ready <= 0 && cancelled != nullptr && cancelled->load(std::memory_order_relaxed))
        return Error(ErrorCode::cancelled, "cancelled");
      if (ready <= 0 && (!is_owned_ || had_writer_)) continue;
      // Of a pipe that nobody wrote into this reads nothing where there is no writer, and would wait where there is
      // one.
      const ssize_t got = ::read(fd_, buffer.data(), buffer.size());
      if (got < 0 && errno != EINTR && errno != EAGAIN) return errno_error(errno, "cannot read", path_);
      had_writer_ = had_writer_ || got != 0;
      if (got > 0 || (got == 0 && ready > 0)) return static_cast<std::size_t>(got);
      const auto waited = std::chrono::steady_clock::now() - begun;
      if (!had_writer_ && waited >= std::chrono::milliseconds(first_writer_ms_)) {
        return Error(ErrorCode::timeout,
                     fmt::format("{}: no program has opened the pipe to write into it within {} ms (see pipe_timeout)",
                                 printable(path_), first_writer_ms_),
                     false);
      }
    }
  }

 private:
  int fd_;
  bool is_owned_;
  std::string path_;
  std::int64_t first_writer_ms_;
  bool had_writer_ = false;
};

// Without doubled slashes and single dots.
std::string plain(std::string_view path) {
  std::string out;
  for (const std::string& part : split(path, '/')) {
    if (!part.empty() && part != ".") out.append("/").append(part);
  }
  return out;
}

}  // namespace

bool is_standard_input(std::string_view path) {
  constexpr std::array<std::string_view, 4> kNames = {"/dev/stdin", "/dev/fd/0", "/proc/self/fd/0",
                                                      "/proc/thread-self/fd/0"};
  const std::string name = plain(path);
  for (const std::string_view known : kNames)
    if (name == known) return true;
  return false;
}

bool is_of_own_process(std::string_view path) {
  constexpr std::array<std::string_view, 4> kBelow = {"/dev/fd/", "/proc/self/", "/proc/thread-self/", "/dev/std"};
  const std::string name = plain(path);
  for (const std::string_view prefix : kBelow)
    if (name.starts_with(prefix)) return true;
  return false;
}

Result<std::unique_ptr<ByteStream>> open_byte_stream(const std::string& path, std::int64_t first_writer_ms) {
  if (is_standard_input(path))
    return std::unique_ptr<ByteStream>(std::make_unique<DescriptorStream>(STDIN_FILENO, false, path, first_writer_ms));
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return errno_error(errno, "cannot open", path);
  return std::unique_ptr<ByteStream>(std::make_unique<DescriptorStream>(fd, true, path, first_writer_ms));
}

}  // namespace slicemill
