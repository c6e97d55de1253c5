// A process that works on a ledger until it is killed, or until a write fails. For ledger_crash_test.
//
//   ledger_child write DIR          batches 1, 2, ... without end; prints "<n>" when batch n is reported as synced
//   ledger_child hold DIR           opens the ledger, prints "open", keeps it until standard input ends
//   ledger_child count DIR N [MAX]  batches 1..N one by one, each of 4 KB; prints "<n> synced" or "<n> <code>:
//   <message>", at the end
//                                   "close ok" or "close <code>"; no file may grow beyond MAX bytes
//
// With LEDGER_CHILD_DIES_AT=N in its environment it is killed before the N-th change that it makes to the file system:
// a name made, renamed or removed, or a sync. It stands between RocksDB and the kernel for that.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdarg>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>

#include "core/ledger/slice_ledger.h"
#include "tests/fakes/manual_loop.h"

namespace {

void step() {
  static const char* const text = std::getenv("LEDGER_CHILD_DIES_AT");
  static std::atomic<long> left = text == nullptr ? 0 : std::atol(text);
  if (left > 0 && --left == 0) raise(SIGKILL);
}

template <typename... Arguments>
int call(long number, Arguments... arguments) {
  step();
  return static_cast<int>(syscall(number, arguments...));
}

int open_file(const char* path, int flags, mode_t mode) {
  if ((flags & O_CREAT) != 0) step();
  return static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}

}  // namespace

extern "C" {
int open(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return open_file(path, flags, mode);
}
int open64(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return open_file(path, flags, mode);
}
int fsync(int fd) {
  return call(SYS_fsync, fd);
}
int fdatasync(int fd) {
  return call(SYS_fdatasync, fd);
}
int mkdir(const char* path, mode_t mode) noexcept {
  return call(SYS_mkdir, path, mode);
}
int rmdir(const char* path) noexcept {
  return call(SYS_rmdir, path);
}
int rename(const char* from, const char* to) noexcept {
  return call(SYS_rename, from, to);
}
int unlink(const char* path) noexcept {
  return call(SYS_unlink, path);
}
int unlinkat(int directory, const char* path, int flags) noexcept {
  return call(SYS_unlinkat, directory, path, flags);
}
}

namespace slicemill {
namespace {

// One system call per line: what was printed is in the pipe, whatever happens to this process next.
void print(const std::string& line) {
  const std::string text = line + "\n";
  if (::write(STDOUT_FILENO, text.data(), text.size()) < 0) std::_Exit(3);
}

std::unique_ptr<SliceLedger> open_or_create(ManualLoop& loop, const std::string& directory) {
  auto ledger = ledger_exists(directory) ? open_ledger_next_epoch(loop, directory)
                                         : create_ledger(loop, directory, {"ex-0", "{}", 1});
  if (ledger) return std::move(*ledger);
  print(std::string(to_string(ledger.error().code)) + ": " + ledger.error().message);
  std::_Exit(2);
}

// Batch n bears slice n, commits its output, settles it, and counts it.
LedgerBatch batch_of(std::uint64_t n, std::size_t padding) {
  const SliceKey key{0, 0, n, SliceKey::kWholeSlice};
  LedgerBatch batch;
  batch.created = {{0, 0, n, 1, ListRequests{{std::string(padding, 'r')}}}};
  batch.positions[0] = {std::to_string(n), false, n};
  batch.committed = {{key, {1, 1}, {true, n, n, n, static_cast<std::uint32_t>(n)}}};
  if (n % 2 == 0) batch.settled = {key};
  if (n % 3 == 0) batch.rows = {{key, SliceState::start, 0, 0, 0, 1, 1, std::string(padding, 'r'), ""}};
  batch.counters = SliceCounters{.processed = n};
  return batch;
}

int write_on(const std::string& directory) {
  ManualLoop loop;
  const auto ledger = open_or_create(loop, directory);
  std::uint64_t next = ledger->header().counters.processed + 1;
  while (true) {
    while (ledger->backlog() < 50) {
      ledger->write(batch_of(next, 100), [n = next](const Result<void>& result) {
        if (!result) std::_Exit(4);
        print(std::to_string(n));
      });
      ++next;
    }
    if (!loop.run_until([&] { return ledger->backlog() < 50; })) return 5;
  }
}

int hold(const std::string& directory) {
  ManualLoop loop;
  const auto ledger = open_or_create(loop, directory);
  print("open");
  char byte = 0;
  while (::read(STDIN_FILENO, &byte, 1) > 0) {
  }
  return 0;
}

int count(const std::string& directory, std::uint64_t batches) {
  ManualLoop loop;
  const auto ledger = open_or_create(loop, directory);
  for (std::uint64_t n = 1; n <= batches; ++n) {
    std::optional<Result<void>> answer;
    ledger->write(batch_of(n, 4096), [&](const Result<void>& result) { answer = result; });
    if (!loop.run_until([&] { return answer.has_value(); })) return 5;
    print(std::to_string(n) +
          (*answer ? " synced" : " " + std::string(to_string(answer->error().code)) + ": " + answer->error().message));
  }
  const auto closed = ledger->close();
  print(closed ? "close ok" : "close " + std::string(to_string(closed.error().code)));
  return 0;
}

}  // namespace
}  // namespace slicemill

int main(int argc, char** argv) {
  using namespace slicemill;
  const std::string mode = argc > 2 ? argv[1] : "";
  if (mode == "write") return write_on(argv[2]);
  if (mode == "hold") return hold(argv[2]);
  if (mode == "count" && argc > 3) {
    if (argc > 4) {
      std::signal(SIGXFSZ, SIG_IGN);
      const rlimit limit{std::strtoull(argv[4], nullptr, 10), std::strtoull(argv[4], nullptr, 10)};
      if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 6;
    }
    return count(argv[2], std::strtoull(argv[3], nullptr, 10));
  }
  return 1;
}
