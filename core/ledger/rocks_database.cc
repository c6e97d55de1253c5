#include "core/ledger/rocks_database.h"

#include <fmt/core.h>
#include <rocksdb/cache.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <functional>
#include <system_error>
#include <utility>

#include "core/runtime/log.h"
#include "core/runtime/threads.h"

namespace slicemill {
namespace {

constexpr const char* kOutputsFamily = "outputs";

// RocksDB's own errors go to the process's log; its warnings tell nothing that a reader of that log could act upon.
class ForwardingLogger final : public rocksdb::Logger {
 public:
  explicit ForwardingLogger(std::string directory)
      : rocksdb::Logger(rocksdb::InfoLogLevel::ERROR_LEVEL), directory_(std::move(directory)) {}
  using rocksdb::Logger::Logv;
  void Logv(const char* format, va_list arguments) override {
    std::array<char, 1024> line{};
    std::vsnprintf(line.data(), line.size(), format, arguments);
    std::string_view text(line.data());
    while (text.ends_with('\n')) text.remove_suffix(1);
    log(LogLevel::error, "ledger {}: rocksdb: {}", directory_, text);
  }

 private:
  std::string directory_;
};

// A few hundred ledgers may be open in one process; each is written by one thread in groups and read in long scans.
rocksdb::DBOptions database_options(const std::string& directory, RocksDatabase::Mode mode) {
  rocksdb::DBOptions options;
  options.create_if_missing = mode == RocksDatabase::Mode::create;
  options.create_missing_column_families = options.create_if_missing;
  options.error_if_exists = options.create_if_missing;
  // Replaying the log is what opening after kill -9 costs: bound it.
  options.max_total_wal_size = 8 << 20;
  // A record cut off at the log's end was never reported as synced. Damage before the end was: that is an error, not an
  // end.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  options.max_background_jobs = 2;
  options.max_open_files = 100;
  options.max_file_opening_threads = 1;  // few tables: starting threads costs more than they win
  options.manifest_preallocation_size = 64 << 10;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  options.skip_stats_update_on_db_open = true;
  options.max_bgerror_resume_count = 0;  // an error stays until the ledger is opened again
  options.info_log = std::make_shared<ForwardingLogger>(directory);
  return options;
}

rocksdb::ColumnFamilyOptions family_options(bool outputs) {
  static const std::shared_ptr<rocksdb::Cache> cache = rocksdb::NewLRUCache(8 << 20);  // of all ledgers of the process
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.format_version = 5;
  if (outputs) {
    table.block_size = 16 << 10;  // read in scans only
  } else {
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  }
  rocksdb::ColumnFamilyOptions options;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.write_buffer_size = 4 << 20;
  options.max_write_buffer_number = 3;
  options.target_file_size_base = 16 << 20;
  options.max_bytes_for_level_base = 64 << 20;
  options.level_compaction_dynamic_level_bytes =
      true;  // tables of a small ledger go to the last level, where tombstones end
  options.compression = rocksdb::kLZ4Compression;
  options.bottommost_compression = rocksdb::kZSTD;
  return options;
}

std::vector<rocksdb::ColumnFamilyDescriptor> column_families() {
  return {{rocksdb::kDefaultColumnFamilyName, family_options(false)}, {kOutputsFamily, family_options(true)}};
}

bool says(const rocksdb::Status& status, std::string_view words) {
  return status.ToString().find(words) != std::string::npos;
}

bool is_lock_refusal(const rocksdb::Status& status) {
  return status.IsIOError() && (says(status, "While lock file") || says(status, "lock hold by current process"));
}

// Opening for writing makes RocksDB's timer, whose thread is of the whole process and made with the first one. It
// throws if there is none to have, and leaves the directory locked until the process ends: so it is tried before.
Result<void> with_timer_thread(const std::function<void()>& open, const std::string& directory) {
  static std::atomic<bool> made = false;
  if (!made) {
    if (const auto room = try_threads(1); !room) return with_context(room.error(), "ledger " + directory);
  }
  try {
    open();
  } catch (const std::system_error& error) {
    Error obstacle(ErrorCode::unavailable,
                   fmt::format("ledger {}: cannot start a thread: {}", directory, error.code().message()));
    obstacle.obstacle = true;
    return obstacle;
  }
  made = true;
  return {};
}

rocksdb::Slice as_slice(std::string_view text) {
  return {text.data(), text.size()};
}

}  // namespace

Error rocks_error(const rocksdb::Status& status, const std::string& directory) {
  const auto error = [&](ErrorCode code, std::string_view text) {
    return Error(code, fmt::format("ledger {}: {}", directory, text));
  };
  // First: opening the lock's file on a read-only file system looks like a refused lock.
  if (const int number = obstacle_in(status.ToString()); status.IsNoSpace() || number != 0) {
    Error obstacle =
        error(status.IsNoSpace() || number == ENOSPC || number == EDQUOT ? ErrorCode::no_space : ErrorCode::io,
              status.ToString());
    obstacle.obstacle = true;
    return obstacle;
  }
  if (is_lock_refusal(status)) return error(ErrorCode::conflict, "is in use by another process");
  // An opening that does not find its column families or tables means that they were lost.
  if (status.IsCorruption() || status.IsInvalidArgument() || status.IsNotFound() || status.IsPathNotFound()) {
    return error(ErrorCode::corrupt, status.ToString());
  }
  return error(ErrorCode::io, status.ToString());
}

// RocksDB's own lock, taken from outside.
class RocksDatabase::Lock {
 public:
  static Result<std::unique_ptr<Lock>> take(const std::string& directory) {
    rocksdb::FileLock* file = nullptr;
    const rocksdb::Status status = rocksdb::Env::Default()->LockFile(directory + "/LOCK", &file);
    if (!status.ok()) return rocks_error(status, directory);
    return std::unique_ptr<Lock>(new Lock(file));
  }
  ~Lock() { rocksdb::Env::Default()->UnlockFile(file_).PermitUncheckedError(); }

 private:
  explicit Lock(rocksdb::FileLock* file) : file_(file) {}
  rocksdb::FileLock* file_;
};

Result<std::unique_ptr<RocksDatabase>> RocksDatabase::open(const std::string& directory, Mode mode) {
  std::unique_ptr<RocksDatabase> database(new RocksDatabase(directory));
  const auto families = column_families();
  rocksdb::DBOptions options = database_options(directory, mode);
  if (mode == Mode::create) {
    database->growing_files_ = std::make_shared<GrowingFiles>();
    database->env_ = std::make_unique<LedgerEnv>(rocksdb::NewCompositeEnv(database->growing_files_));
  } else {
    database->env_ = std::make_unique<LedgerEnv>(rocksdb::Env::Default());
  }
  options.env = database->env_.get();
  rocksdb::DB* db = nullptr;
  rocksdb::Status status;
  if (mode == Mode::read) {
    ASSIGN_OR_RETURN(database->lock_, Lock::take(directory));
    status = rocksdb::DB::OpenForReadOnly(options, directory, families, &database->handles_, &db);
  } else {
    RETURN_IF_ERROR(with_timer_thread(
        [&] { status = rocksdb::DB::Open(options, directory, families, &database->handles_, &db); }, directory));
  }
  database->db_.reset(db);
  if (!status.ok()) return rocks_error(status, directory);
  return database;
}

void RocksDatabase::rehearse() {
  RocksDatabase database("/rehearsal");
  database.env_ =
      std::make_unique<LedgerEnv>(std::unique_ptr<rocksdb::Env>(rocksdb::NewMemEnv(rocksdb::Env::Default())));
  database.env_->CreateDir(database.directory_).PermitUncheckedError();
  rocksdb::DBOptions options = database_options(database.directory_, Mode::create);
  options.env = database.env_.get();
  rocksdb::DB* db = nullptr;
  rocksdb::Status status;
  const auto opened = with_timer_thread(
      [&] { status = rocksdb::DB::Open(options, database.directory_, column_families(), &database.handles_, &db); },
      database.directory_);
  if (!opened) return;
  database.db_.reset(db);
  rocksdb::WriteBatch batch;
  if (status.ok() && batch.Put("key", "value").ok()) (void)database.write_synced(batch);
}

RocksDatabase::RocksDatabase(std::string directory) : directory_(std::move(directory)) {}

RocksDatabase::~RocksDatabase() {
  if (db_ == nullptr) return;
  for (rocksdb::ColumnFamilyHandle* handle : handles_) db_->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
}

Result<void> RocksDatabase::settle() {
  return growing_files_->settle(directory_);
}

Error RocksDatabase::placed(Error error) const {
  return with_context(std::move(error), "ledger " + directory_);
}

Result<std::optional<std::string>> RocksDatabase::get(std::string_view key, const rocksdb::Snapshot* snapshot) const {
  rocksdb::ReadOptions options;
  options.snapshot = snapshot;
  std::string value;
  const rocksdb::Status status = db_->Get(options, as_slice(key), &value);
  if (status.IsNotFound()) return std::optional<std::string>();
  if (!status.ok()) return rocks_error(status, directory_);
  return std::optional<std::string>(std::move(value));
}

Result<void> RocksDatabase::write_synced(rocksdb::WriteBatch& batch) {
  // Tables that are not flushed for want of a thread would stop writing for good in the end.
  if (const auto ready = LedgerEnv::ready(); !ready) return placed(ready.error());
  rocksdb::WriteOptions options;
  options.sync = true;
  const rocksdb::Status status = db_->Write(options, &batch);
  if (!status.ok()) return rocks_error(status, directory_);
  return {};
}

Result<void> RocksDatabase::flush() {
  const auto thread = LedgerEnv::FlushThread::hold();
  if (!thread) return placed(thread.error());
  const rocksdb::Status status = db_->Flush(rocksdb::FlushOptions(), handles_);
  if (!status.ok()) return rocks_error(status, directory_);
  return {};
}

PrefixScan::PrefixScan(const RocksDatabase& database, rocksdb::ColumnFamilyHandle* family, std::string first,
                       std::string end, const rocksdb::Snapshot* snapshot)
    : database_(database), first_(std::move(first)) {
  rocksdb::ReadOptions options;
  options.snapshot = snapshot;
  options.fill_cache = false;
  if (!end.empty()) {
    end_ = std::make_unique<std::string>(std::move(end));
    bound_ = std::make_unique<rocksdb::Slice>(*end_);
    options.iterate_upper_bound = bound_.get();
  }
  iterator_.reset(database.db().NewIterator(options, family));
}

PrefixScan::PrefixScan(const RocksDatabase& database, char prefix, const rocksdb::Snapshot* snapshot)
    : PrefixScan(database, database.db().DefaultColumnFamily(), std::string(1, prefix),
                 std::string(1, static_cast<char>(prefix + 1)), snapshot) {}

PrefixScan PrefixScan::outputs(const RocksDatabase& database) {
  return {database, database.outputs(), "", "", nullptr};
}

void PrefixScan::seek_first() {
  iterator_->Seek(first_);
}

Result<void> PrefixScan::status() const {
  if (!iterator_->status().ok()) return rocks_error(iterator_->status(), database_.directory());
  return {};
}

}  // namespace slicemill
