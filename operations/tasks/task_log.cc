#include "operations/tasks/task_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "core/runtime/log.h"
#include "core/runtime/result.h"

namespace slicemill {
namespace {
constexpr std::size_t kLogTailBytes = 1024;
}

TaskLog::TaskLog(std::string path, std::string try_name, std::uint64_t most_bytes)
    : path_(std::move(path)), try_name_(std::move(try_name)), left_(most_bytes) {}

TaskLog::~TaskLog() {
  if (file_ >= 0) close(file_);
}

void TaskLog::write(std::string_view bytes) {
  tail_.append(bytes.substr(bytes.size() - std::min(bytes.size(), kLogTailBytes)));
  if (tail_.size() > 2 * kLogTailBytes) tail_.erase(0, tail_.size() - kLogTailBytes);
  bytes_ += bytes.size();
  if (left_ == 0 || path_.empty() || (file_ < 0 && !open())) return;
  const std::size_t kept = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
  put(bytes.substr(0, kept));
  left_ -= kept;
  if (kept < bytes.size()) {
    put("\n--- the rest is not kept: log_bytes is the most of one try ---\n");
    left_ = 0;
  }
}

bool TaskLog::open() {
  std::error_code failed;
  std::filesystem::create_directories(std::filesystem::path(path_).parent_path(), failed);
  file_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
  if (file_ < 0) {
    log(LogLevel::warn, "the output of tasks is not kept: {}", errno_error(errno, "cannot open", path_).message);
    path_.clear();
    return false;
  }
  if (lseek(file_, 0, SEEK_END) > 0) put(fmt::format("\n--- {} ---\n", try_name_));
  return true;
}

void TaskLog::put(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file_, bytes.data(), bytes.size());
    if (written >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      log(LogLevel::warn, "the output of tasks is not kept: {}", errno_error(errno, "cannot write", path_).message);
      left_ = 0;
      return;
    }
  }
}

std::string TaskLog::tail() const {
  std::string_view tail = tail_;
  if (tail.size() > kLogTailBytes) tail.remove_prefix(tail.size() - kLogTailBytes);
  while (tail.ends_with('\n') || tail.ends_with('\r')) tail.remove_suffix(1);
  if (tail_.size() > tail.size() + 2 && tail.find('\n') != std::string_view::npos && bytes_ > kLogTailBytes)
    tail.remove_prefix(tail.find('\n') + 1);  // a line that was cut
  return std::string(tail);
}

std::string task_log_path(const std::string& log_directory, std::uint32_t slicer, std::string_view task_path) {
  if (log_directory.empty()) return "";
  const std::string source = slicer == 0 ? "" : fmt::format("source-{}-", slicer);
  return fmt::format("{}/tasks/{}{}.log", log_directory, source, task_path);
}

}  // namespace slicemill
