// That nothing is reported before the kernel said it is on disk (I5), and what a failing sync means. This program
// stands between RocksDB and the kernel: its fdatasync is the one that is called.
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <functional>
#include <mutex>
#include <set>
#include <string>

#include "tests/core/ledger/ledger_fixture.h"

namespace {

std::atomic<int> log_syncs = 0;
std::atomic<int> next_errno = 0;  // of the next sync of a log; 0: it succeeds
// What is synced while somebody listens: called with the path, before the kernel is.
std::function<void(const std::string&)> on_sync;
std::mutex on_sync_held;

void tell(const std::string& path) {
  const std::lock_guard held(on_sync_held);
  if (on_sync) on_sync(path);
}

std::string path_of(int fd) {
  char path[512];
  const ssize_t size = readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), path, sizeof path);
  return {path, static_cast<std::size_t>(std::max<ssize_t>(0, size))};
}

}  // namespace

extern "C" int fdatasync(int fd) {
  const std::string path = path_of(fd);
  tell(path);
  if (path.ends_with(".log")) {
    if (const int failure = next_errno.exchange(0); failure != 0) {
      errno = failure;
      return -1;
    }
    ++log_syncs;
  }
  return static_cast<int>(syscall(SYS_fdatasync, fd));
}

extern "C" int fsync(int fd) {
  tell(path_of(fd));
  return static_cast<int>(syscall(SYS_fsync, fd));
}

namespace slicemill {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class LedgerSyncTest : public LedgerFixture {
 protected:
  ~LedgerSyncTest() override {
    next_errno = 0;
    listen(nullptr);
  }

  static void listen(std::function<void(const std::string&)> listener) {
    const std::lock_guard held(on_sync_held);
    on_sync = std::move(listener);
  }

  LedgerBatch slice(std::uint64_t order) {
    LedgerBatch batch;
    batch.created = {ids(order, 1)};
    return batch;
  }
};

// RocksDB's own syncs on the way are not waited for, so this is the one that counts.
TEST_F(LedgerSyncTest, ANewLedgerIsOnDiskAsAWholeBeforeItsMarkGoes) {
  std::set<std::string> synced;
  int count = 0;
  listen([&](const std::string& path) {
    ++count;
    if (path.starts_with(directory_) && std::filesystem::exists(directory_ + ".tmp")) synced.insert(path);
  });
  create();
  listen(nullptr);
  EXPECT_FALSE(std::filesystem::exists(directory_ + ".tmp"));
  EXPECT_TRUE(synced.contains(directory_)) << "the names";
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
    if (entry.path().filename() == "LOCK") continue;  // there is nothing in it
    EXPECT_TRUE(synced.contains(entry.path().string())) << entry.path();
    ++files;
  }
  EXPECT_GE(files, 4);
  EXPECT_LE(count, files + 5) << "each once: and the parent directory for the mark, and the epoch";
}

TEST_F(LedgerSyncTest, ANewLedgerHasNoFilesThatNobodyReadsAndTellsNoErrors) {
  directory_ = root_ + "/OPTIONS-of-ledgers/ledger";
  testing::internal::CaptureStderr();
  create();
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  for (const auto& entry : std::filesystem::directory_iterator(directory_))
    EXPECT_FALSE(entry.path().filename().string().starts_with("OPTIONS")) << entry.path();
}

TEST_F(LedgerSyncTest, OpeningSyncsTheEpoch) {
  create();
  ledger_.reset();
  const int before = log_syncs;
  take(open_ledger(loop_, directory_, 5));
  EXPECT_GT(log_syncs, before);
}

TEST_F(LedgerSyncTest, EveryCallbackComesAfterASyncOfItsBatch) {
  create();
  for (std::uint64_t order = 1; order <= 20; ++order) {
    const int before = log_syncs;
    write(slice(order));
    EXPECT_EQ(log_syncs, before + 1);
  }
}

TEST_F(LedgerSyncTest, WhatGathersSharesASync) {
  create();
  const int before = log_syncs;
  int answers = 0;
  for (std::uint64_t order = 1; order <= 5000; ++order) {
    ledger_->write(slice(order), [&](const Result<void>& result) { answers += result ? 1 : 0; });
  }
  ASSERT_TRUE(loop_.run_until([&] { return answers == 5000; }));
  EXPECT_LT(log_syncs, before + 2500);
}

TEST_F(LedgerSyncTest, AFailedSyncIsNamedAndStays) {
  for (const auto& [number, code] : {std::pair(ENOSPC, ErrorCode::no_space), std::pair(EDQUOT, ErrorCode::no_space),
                                     std::pair(EIO, ErrorCode::io)}) {
    directory_ = root_ + "/errno-" + std::to_string(number);
    create();
    write(slice(1));
    next_errno = number;
    const auto failed = try_write(slice(2));
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, code) << failed.error().message;
    EXPECT_THAT(failed.error().message, AllOf(HasSubstr(directory_), HasSubstr(strerror(number))));
    EXPECT_EQ(try_write(slice(3)).error().message, failed.error().message);
    EXPECT_EQ(ledger_->open_counts()->pending, 1U);  // as of the last synced batch
    EXPECT_EQ(ledger_->close().error().code, code);
    reopen();
    EXPECT_GE(open_slices().size(), 1U);
    EXPECT_EQ(name(ledger_->open_ranges()->front().run->key(0)), "0/0/1");
    ledger_.reset();
  }
}

}  // namespace
}  // namespace slicemill
