// One RocksDB directory with the two column families of a ledger: how it is opened, tuned and locked, and what its
// errors mean here.
//
// Knows nothing of slices. Owner: RocksLedger or RocksView. Any thread (RocksDB's own rule), apart from construction
// and destruction. Errors: conflict (held by another process), no_space, corrupt, io; each names the directory.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/env.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/ledger/growing_files.h"
#include "core/ledger/ledger_env.h"
#include "core/runtime/result.h"

namespace slicemill {

Error rocks_error(const rocksdb::Status& status, const std::string& directory);

class RocksDatabase {
 public:
  enum class Mode {
    create,  // the directory holds none yet; nothing in it is durable before settle()
    write,
    read,  // changes nothing on disk, and still holds the lock
  };

  static Result<std::unique_ptr<RocksDatabase>> open(const std::string& directory, Mode mode);
  // Opens one in memory, writes to it and closes it. Nothing fails.
  static void rehearse();
  ~RocksDatabase();  // like a crash: nothing is flushed, what was synced is in the log
  RocksDatabase(const RocksDatabase&) = delete;
  RocksDatabase& operator=(const RocksDatabase&) = delete;

  const std::string& directory() const { return directory_; }
  rocksdb::DB& db() const { return *db_; }
  rocksdb::ColumnFamilyHandle* outputs() const { return handles_[1]; }
  // "ledger <directory>: " before the message.
  Error placed(Error error) const;

  // State column family; nothing if the key is not there.
  Result<std::optional<std::string>> get(std::string_view key, const rocksdb::Snapshot* snapshot = nullptr) const;
  Result<void> write_synced(rocksdb::WriteBatch& batch);
  // After Mode::create, once: all that was written is durable, and from now on what is synced is.
  Result<void> settle();
  // Moves the log into tables, so that the next opening has nothing to replay.
  Result<void> flush();

 private:
  class Lock;
  explicit RocksDatabase(std::string directory);

  std::string directory_;
  std::unique_ptr<Lock> lock_;                   // read only: RocksDB takes none itself
  std::shared_ptr<GrowingFiles> growing_files_;  // of Mode::create
  std::unique_ptr<LedgerEnv> env_;               // shows them, and its threads, to RocksDB
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;
};

// Keys that begin with a prefix, in order. Usage: for (scan.seek(k); scan.valid(); scan.next()) ...; then status().
class PrefixScan {
 public:
  // State column family.
  PrefixScan(const RocksDatabase& database, char prefix, const rocksdb::Snapshot* snapshot = nullptr);
  // All of the outputs.
  static PrefixScan outputs(const RocksDatabase& database);

  void seek_first();
  void seek(std::string_view key) { iterator_->Seek(rocksdb::Slice(key.data(), key.size())); }
  void next() { iterator_->Next(); }
  bool valid() const { return iterator_->Valid(); }
  std::string_view key() const { return {iterator_->key().data(), iterator_->key().size()}; }
  std::string_view value() const { return {iterator_->value().data(), iterator_->value().size()}; }
  Result<void> status() const;

 private:
  PrefixScan(const RocksDatabase& database, rocksdb::ColumnFamilyHandle* family, std::string first, std::string end,
             const rocksdb::Snapshot* snapshot);

  const RocksDatabase& database_;
  std::string first_;
  std::unique_ptr<std::string> end_;       // the iterator points to it
  std::unique_ptr<rocksdb::Slice> bound_;  // and to this
  std::unique_ptr<rocksdb::Iterator> iterator_;
};

}  // namespace slicemill
