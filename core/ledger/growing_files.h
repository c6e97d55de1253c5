// RocksDB's files while a new ledger grows. RocksDB syncs each step of it, some fifteen times; but until the mark
// beside the ledger is gone nobody relies on anything in it, so one sync of each file at the end does the same. It also
// writes its options into files, twice, and parses what it wrote: nobody ever reads those, so they cannot be made.
//
// Owner: the RocksDatabase that grows, for as long as it is open. Any thread.
#pragma once

#include <rocksdb/file_system.h>

#include <atomic>
#include <memory>
#include <string>

#include "core/runtime/result.h"

namespace slicemill {

class GrowingFiles final : public rocksdb::FileSystemWrapper {
 public:
  GrowingFiles() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}

  // Makes all that is in the directory durable. From now on syncs are syncs.
  Result<void> settle(const std::string& directory);

  const char* Name() const override { return "GrowingFiles"; }
  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewDirectory(const std::string& path, const rocksdb::IOOptions& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* directory,
                                 rocksdb::IODebugContext* debug) override;

 private:
  std::atomic<bool> settled_ = false;  // its files and directories look at it
};

}  // namespace slicemill
