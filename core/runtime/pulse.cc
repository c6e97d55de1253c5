#include "core/runtime/pulse.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>

#include <fmt/core.h>

namespace slicemill {
namespace {

using LastBeat = std::atomic<std::int64_t>;  // nanoseconds of the machine's steady clock
static_assert(LastBeat::is_always_lock_free);

constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

}  // namespace

Result<std::unique_ptr<Pulse>> Pulse::create() {
  const int fd = memfd_create("slicemill-pulse", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) return errno_error(errno, "cannot make", "a pulse");
  void* memory = MAP_FAILED;
  if (ftruncate(fd, sizeof(LastBeat)) == 0 && fcntl(fd, F_ADD_SEALS, kSeals) == 0)
    memory = mmap(nullptr, sizeof(LastBeat), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) {
    const int saved = errno;
    ::close(fd);
    return errno_error(saved, "cannot map", "a pulse");
  }
  return std::unique_ptr<Pulse>(new Pulse(fd, memory));
}

Pulse::~Pulse() {
  munmap(memory_, sizeof(LastBeat));
  ::close(fd_);
}

std::string Pulse::path() const {
  return fmt::format("/proc/{}/fd/{}", getpid(), fd_);
}

void Pulse::beat(SteadyTime now) {
  static_cast<LastBeat*>(memory_)->store(
      std::chrono::duration_cast<std::chrono::nanoseconds>(now.time_since_epoch()).count(), std::memory_order_relaxed);
}

Result<std::unique_ptr<PulseView>> PulseView::open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return errno_error(errno, "cannot open", path);
  struct stat facts {};
  const bool ours = fstat(fd, &facts) == 0 && facts.st_size >= static_cast<off_t>(sizeof(LastBeat)) &&
                    fcntl(fd, F_GET_SEALS) == kSeals;
  void* memory = ours ? mmap(nullptr, sizeof(LastBeat), PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
  const int saved = errno;
  ::close(fd);
  if (!ours) return Error(ErrorCode::invalid, fmt::format("{} is no pulse", path));
  if (memory == MAP_FAILED) return errno_error(saved, "cannot map", path);
  return std::unique_ptr<PulseView>(new PulseView(memory));
}

PulseView::~PulseView() {
  munmap(memory_, sizeof(LastBeat));
}

SteadyTime PulseView::last() const {
  return SteadyTime(std::chrono::nanoseconds(static_cast<const LastBeat*>(memory_)->load(std::memory_order_relaxed)));
}

}  // namespace slicemill
