#include "core/runtime/begun_note.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <new>

namespace slicemill {
namespace {

// Layout of the file. The sequence is even when the slice is whole, odd while it is being written.
struct Shared {
  std::atomic<std::uint64_t> sequence;
  std::atomic<std::uint64_t> begun;  // 1: the slice below runs, 0: idle
  BegunSlice slice;
};

class MappedNote final : public BegunNote {
 public:
  explicit MappedNote(Shared* shared) : shared_(shared) {}
  ~MappedNote() override { munmap(shared_, sizeof(Shared)); }

  void begin(const BegunSlice& slice) override {
    shared_->sequence.fetch_add(1, std::memory_order_acq_rel);
    shared_->slice = slice;
    shared_->begun.store(1, std::memory_order_relaxed);
    shared_->sequence.fetch_add(1, std::memory_order_release);
  }
  void end() override { shared_->begun.store(0, std::memory_order_release); }

 private:
  Shared* shared_;
};

}  // namespace

Result<std::unique_ptr<BegunNote>> create_begun_note(const std::string& path) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return errno_error(errno, "cannot create", path);
  if (ftruncate(fd, sizeof(Shared)) != 0) {
    const int saved = errno;
    close(fd);
    return errno_error(saved, "cannot size", path);
  }
  void* memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  const int saved = errno;
  close(fd);
  if (memory == MAP_FAILED) return errno_error(saved, "cannot map", path);
  return std::unique_ptr<BegunNote>(std::make_unique<MappedNote>(new (memory) Shared{}));
}

Result<std::optional<BegunSlice>> read_begun_note(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno_error(errno, "cannot open", path);
  struct {
    std::uint64_t sequence, begun;
    BegunSlice slice;
  } note{};
  static_assert(sizeof(note) == sizeof(Shared));
  const ssize_t got = read(fd, &note, sizeof(note));
  const int saved = errno;
  close(fd);
  if (got < 0) return errno_error(saved, "cannot read", path);
  if (got != static_cast<ssize_t>(sizeof(note)) || note.begun == 0 || note.sequence % 2 != 0)
    return std::optional<BegunSlice>();
  return std::optional<BegunSlice>(note.slice);
}

}  // namespace slicemill
