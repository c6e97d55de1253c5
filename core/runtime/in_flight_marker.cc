#include "core/runtime/in_flight_marker.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <new>

namespace slicemill {
namespace {

// Layout of the file. The sequence is even when the slice is whole, odd while it is being written.
constexpr std::size_t kBootIdBytes = 40;
struct Shared {
  std::atomic<std::uint64_t> sequence;
  std::atomic<std::uint64_t> begun;  // 1: the slice below runs, 0: idle
  InFlightSlice slice;
  std::atomic<std::uint64_t> excused;
  std::uint64_t pid, start_ticks;
  std::array<char, kBootIdBytes> boot_id;  // ends with a zero byte
};

class MappedNote final : public InFlightMarker {
 public:
  explicit MappedNote(Shared* shared) : shared_(shared) {}
  ~MappedNote() override { munmap(shared_, sizeof(Shared)); }

  void begin(const InFlightSlice& slice) override {
    shared_->sequence.fetch_add(1, std::memory_order_acq_rel);
    shared_->slice = slice;
    shared_->begun.store(1, std::memory_order_relaxed);
    shared_->sequence.fetch_add(1, std::memory_order_release);
  }
  void end() override { shared_->begun.store(0, std::memory_order_release); }
  void excuse() override { shared_->excused.store(1, std::memory_order_release); }

 private:
  Shared* shared_;
};

}  // namespace

Result<std::unique_ptr<InFlightMarker>> create_in_flight_marker(const std::string& path,
                                                                const ProcessIdentity& worker) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return errno_error(errno, "cannot create", path);
  // With its room on the disk: a store into a page that a full disk has none for would be a SIGBUS.
  if (const int failed = posix_fallocate(fd, 0, sizeof(Shared)); failed != 0) {
    close(fd);
    return errno_error(failed, "cannot size", path);
  }
  void* memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  const int saved = errno;
  close(fd);
  if (memory == MAP_FAILED) return errno_error(saved, "cannot map", path);
  auto* const shared = new (memory) Shared{};
  shared->pid = static_cast<std::uint64_t>(worker.pid);
  shared->start_ticks = worker.start_ticks;
  std::copy_n(worker.boot_id.begin(), std::min(worker.boot_id.size(), kBootIdBytes - 1), shared->boot_id.begin());
  return std::unique_ptr<InFlightMarker>(std::make_unique<MappedNote>(shared));
}

Result<LeftNote> read_in_flight_marker(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno_error(errno, "cannot open", path);
  struct {
    std::uint64_t sequence, begun;
    InFlightSlice slice;
    std::uint64_t excused, pid, start_ticks;
    std::array<char, kBootIdBytes> boot_id;
  } note{};
  static_assert(sizeof(note) == sizeof(Shared));
  const ssize_t got = read(fd, &note, sizeof(note));
  const int saved = errno;
  close(fd);
  if (got < 0) return errno_error(saved, "cannot read", path);
  LeftNote left;
  if (got != static_cast<ssize_t>(sizeof(note))) return left;
  note.boot_id.back() = '\0';
  left.worker = {note.boot_id.data(), static_cast<pid_t>(note.pid), note.start_ticks};
  left.excused = note.excused != 0;
  if (note.begun != 0 && note.sequence % 2 == 0) left.begun = note.slice;
  return left;
}

std::vector<std::string> in_flight_markers_in(const std::string& directory) {
  std::vector<std::string> paths;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(directory, failed)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(".begun")) paths.push_back(entry.path().string());
  }
  std::sort(paths.begin(), paths.end());  // a directory has no order
  return paths;
}

}  // namespace slicemill
