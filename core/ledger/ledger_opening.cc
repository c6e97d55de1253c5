// How a ledger comes to be: created, opened again, recovered from another one, viewed.
//
// While `<directory>.tmp` is there, there is no ledger. A fresh one grows in place beside that mark, which goes when it
// is whole: to rename it, it would have to be closed and opened again, which takes as long as all the rest of a
// controller's start. One that recovers another grows in `<directory>.tmp` itself and is renamed. A crash before leaves
// something that the next try removes, a crash after leaves a ledger whose epoch nobody holds yet.

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include <rocksdb/utilities/checkpoint.h>

#include <filesystem>
#include <limits>
#include <utility>

#include "core/ledger/ledger_codec.h"
#include "core/ledger/ledger_reading.h"
#include "core/ledger/rocks_database.h"
#include "core/ledger/rocks_ledger.h"
#include "core/ledger/slice_ledger.h"
#include "core/runtime/files.h"

namespace slicemill {
namespace codec = ledger_codec;
namespace {

std::string growing(const std::string& directory) {
  return directory + ".tmp";
}

bool exists(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

// What cannot be looked at (a disk that does not answer) is there: opening it says what is wrong.
bool may_exist(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::status(path, ignored).type() != std::filesystem::file_type::not_found;
}

std::string parent_of(const std::string& directory) {
  const std::string parent = std::filesystem::path(directory).parent_path().string();
  return parent.empty() ? "." : parent;
}

template <typename T>
void put_fact(rocksdb::WriteBatch& write, codec::Fact fact, const T& value,
              std::string (*encode)(std::string_view, const T&)) {
  const std::string key = codec::fact_key(fact);
  write.Put(key, encode(key, value)).PermitUncheckedError();
}

void erase_fact(rocksdb::WriteBatch& write, codec::Fact fact) {
  write.Delete(codec::fact_key(fact)).PermitUncheckedError();
}

// The right to make this ledger: a lock (flock) on its directory, held until RocksDB's own lock is, or the maker dies.
// Without it a second maker would take the first one's half-made ledger for what a crash has left, and remove it.
class MakingLock {
 public:
  static Result<MakingLock> take(const std::string& directory) {
    RETURN_IF_ERROR(posix_files().create_directories(directory));
    MakingLock lock(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (lock.fd_ < 0) return errno_error(errno, "cannot open", directory);
    const bool taken = ::flock(lock.fd_, LOCK_EX | LOCK_NB) == 0;
    if (!taken && errno != EWOULDBLOCK) return errno_error(errno, "cannot lock", directory);
    // A recovered ledger takes the place of the directory that was locked for it.
    struct stat locked {};
    struct stat present {};
    const bool same = taken && ::fstat(lock.fd_, &locked) == 0 && ::stat(directory.c_str(), &present) == 0 &&
                      locked.st_ino == present.st_ino;
    if (!same) return Error(ErrorCode::conflict, fmt::format("ledger {}: another process is making it", directory));
    return lock;
  }
  MakingLock(MakingLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  MakingLock& operator=(MakingLock&&) = delete;
  ~MakingLock() {
    if (fd_ >= 0) ::close(fd_);
  }

 private:
  explicit MakingLock(int fd) : fd_(fd) {}
  int fd_;
};

// Ready to grow a ledger: its directory is there, empty and ours; what a crashed try left is not.
Result<MakingLock> make_room(const std::string& directory) {
  if (ledger_exists(directory)) return Error(ErrorCode::conflict, fmt::format("ledger {}: exists already", directory));
  ASSIGN_OR_RETURN(MakingLock lock, MakingLock::take(directory));
  if (ledger_exists(directory)) return Error(ErrorCode::conflict, fmt::format("ledger {}: exists already", directory));
  Files& files = posix_files();
  std::error_code failed;
  if (exists(growing(directory))) {
    for (const auto& left : std::filesystem::directory_iterator(directory, failed))
      RETURN_IF_ERROR(files.remove_tree(left.path().string()));
  }
  RETURN_IF_ERROR(files.remove_tree(growing(directory)));
  RETURN_IF_ERROR(files.remove_tree(growing(growing(directory))));  // where RocksDB grows a checkpoint
  if (!std::filesystem::is_empty(directory, failed) || failed)
    return Error(ErrorCode::invalid, fmt::format("ledger {}: there is something else", directory));
  return lock;
}

// Both are durable before anything else is, or a power failure could leave the one without the other.
Result<void> mark_as_growing(const std::string& directory) {
  RETURN_IF_ERROR(posix_files().create_directories(growing(directory)));
  return posix_files().sync_directory(parent_of(directory));
}

Result<void> unmark(const std::string& directory) {
  RETURN_IF_ERROR(posix_files().remove_tree(growing(directory)));
  return posix_files().sync_directory(parent_of(directory));
}

// The grown ledger takes its place, durably.
Result<void> settle_in_place(const std::string& directory) {
  Files& files = posix_files();
  RETURN_IF_ERROR(files.rename_replace(growing(directory), directory));
  return files.sync_directory(parent_of(directory));
}

Result<std::unique_ptr<RocksDatabase>> open_existing(const std::string& directory, RocksDatabase::Mode mode) {
  if (!ledger_exists(directory)) return Error(ErrorCode::not_found, fmt::format("ledger {}: there is none", directory));
  return RocksDatabase::open(directory, mode);
}

Result<void> check_epoch(const std::string& directory, std::uint64_t stored, std::uint64_t epoch) {
  if (epoch > stored) return {};
  return Error(ErrorCode::conflict, fmt::format("ledger {}: epoch {} is not above {}, under which it was opened last",
                                                directory, epoch, stored));
}

Result<std::unique_ptr<SliceLedger>> hold(Loop& loop, std::unique_ptr<RocksDatabase> database, std::uint64_t epoch) {
  const std::string directory = database->directory();
  return RocksLedger::start(loop, std::move(database), [&](const LedgerHeader& header) -> Result<std::uint64_t> {
    RETURN_IF_ERROR(check_epoch(directory, header.epoch, epoch));
    return epoch;
  });
}

// The facts of a recovery that begins where the source ended.
Result<void> write_new_generation(const std::string& directory, LedgerHeader source, const LedgerRecover& recover,
                                  WallMs created_ms) {
  ASSIGN_OR_RETURN(const auto database, RocksDatabase::open(directory, RocksDatabase::Mode::write));
  codec::HeaderFact header;
  header.created_ms = created_ms;
  header.cleanup = recover.cleanup;
  header.recovered = true;
  header.execution = recover.execution;
  header.lineage = std::move(source.lineage);
  header.lineage.push_back(recover.ex_id);
  rocksdb::WriteBatch write;
  put_fact(write, codec::Fact::header, header, codec::encode_header);
  for (const codec::Fact fact : {codec::Fact::counters, codec::Fact::quarantined, codec::Fact::wanted,
                                 codec::Fact::outcome, codec::Fact::notices}) {
    erase_fact(write, fact);
  }
  // The source is the same; what failed is open again.
  const LedgerFigures carried{.completed_extent = source.figures.completed_extent,
                              .source_extents = std::move(source.figures.source_extents)};
  put_fact(write, codec::Fact::figures, carried, codec::encode_figures);
  // A joined file that was published is the output of every later generation too: its parts are gone.
  if (!source.joined || !source.joined->published) erase_fact(write, codec::Fact::joined);
  // What stood was said of the source; what a record refuted is refuted for good.
  std::erase_if(source.remarks, [](const auto& remark) { return !remark.second; });
  if (source.remarks.empty()) {
    erase_fact(write, codec::Fact::remarks);
  } else {
    put_fact(write, codec::Fact::remarks, source.remarks, codec::encode_remarks);
  }
  for (auto& [slicer, position] : source.positions) {
    position.highest_order = 0;
    const std::string key = codec::position_key(slicer);
    write.Put(key, codec::encode_position(key, position)).PermitUncheckedError();
  }
  RETURN_IF_ERROR(database->write_synced(write));
  return database->flush();
}

class RocksView final : public LedgerView {
 public:
  RocksView(std::unique_ptr<RocksDatabase> database, LedgerHeader header)
      : database_(std::move(database)), header_(std::move(header)) {}

  const LedgerHeader& header() const override { return header_; }
  Result<std::vector<OpenRow>> errors(std::uint64_t from, std::uint64_t size) const override {
    return ledger_reading::errors(*database_, from, size);
  }
  Result<std::vector<QuarantineRow>> quarantine(std::optional<QuarantinePlace> after, std::uint64_t skip,
                                                std::uint64_t size) const override {
    return ledger_reading::quarantine(*database_, after, skip, size);
  }
  Result<std::vector<SliceTry>> tries(std::uint64_t skip, std::uint64_t size) const override {
    return ledger_reading::tries(*database_, skip, size);
  }
  Result<bool> is_quarantined(const QuarantinePlace& place) const override {
    ASSIGN_OR_RETURN(const auto row, database_->get(codec::quarantine_key(place)));
    return row.has_value();
  }
  Result<void> for_each_output(const std::function<Result<void>(const CommittedOutput&)>& visit) const override {
    return ledger_reading::for_each_output(*database_, nullptr, visit);
  }
  Result<SliceLedger::OpenCounts> open_counts() const override {
    ASSIGN_OR_RETURN(const codec::RowCounts rows, ledger_reading::row_counts(*database_));
    ASSIGN_OR_RETURN(const OpenWork work, ledger_reading::open_work(*database_));
    return SliceLedger::OpenCounts{rows.error, rows.start, work.pending()};
  }
  Result<SourceProgress> source_progress() const override { return ledger_reading::source_progress(*database_); }

 private:
  const std::unique_ptr<RocksDatabase> database_;
  const LedgerHeader header_;
};

}  // namespace

bool ledger_exists(const std::string& directory) {
  return may_exist(directory + "/CURRENT") && !exists(growing(directory));
}

Error lost_ledger(const std::string& ex_id, const std::string& directory) {
  return {
      ErrorCode::gone,
      fmt::format("the ledger of execution {} is lost: it was made, and there is none at {}; without it nothing tells "
                  "which slices are done, so none of them is run again",
                  ex_id, directory),
      false};
}

void prepare_for_ledgers() {
  RocksDatabase::rehearse();
}

Result<std::unique_ptr<SliceLedger>> create_ledger(Loop& loop, const std::string& directory,
                                                   const LedgerCreate& create) {
  ASSIGN_OR_RETURN(const MakingLock lock, make_room(directory));
  RETURN_IF_ERROR(mark_as_growing(directory));
  ASSIGN_OR_RETURN(auto database, RocksDatabase::open(directory, RocksDatabase::Mode::create));
  codec::HeaderFact header;
  header.created_ms = loop.wall_ms();
  header.execution = create.execution;
  header.lineage = {create.ex_id};
  rocksdb::WriteBatch write;
  put_fact(write, codec::Fact::header, header, codec::encode_header);
  const std::string key = codec::fact_key(codec::Fact::epoch);
  write.Put(key, codec::encode_epoch(key, 0)).PermitUncheckedError();
  RETURN_IF_ERROR(database->write_synced(write));
  RETURN_IF_ERROR(database->settle());
  RETURN_IF_ERROR(unmark(directory));
  return hold(loop, std::move(database), create.epoch);
}

Result<std::unique_ptr<SliceLedger>> open_ledger(Loop& loop, const std::string& directory, std::uint64_t epoch) {
  ASSIGN_OR_RETURN(auto database, open_existing(directory, RocksDatabase::Mode::write));
  return hold(loop, std::move(database), epoch);
}

Result<std::unique_ptr<SliceLedger>> open_ledger_next_epoch(Loop& loop, const std::string& directory) {
  ASSIGN_OR_RETURN(auto database, open_existing(directory, RocksDatabase::Mode::write));
  return RocksLedger::start(loop, std::move(database),
                            [](const LedgerHeader& header) -> Result<std::uint64_t> { return header.epoch + 1; });
}

Result<std::unique_ptr<SliceLedger>> recover_ledger(Loop& loop, const std::string& directory,
                                                    const LedgerRecover& recover) {
  ASSIGN_OR_RETURN(const MakingLock lock, make_room(directory));
  {
    ASSIGN_OR_RETURN(const auto source, open_existing(recover.source_directory, RocksDatabase::Mode::write));
    ASSIGN_OR_RETURN(LedgerHeader header, ledger_reading::header(*source));
    RETURN_IF_ERROR(check_epoch(recover.source_directory, header.epoch, recover.epoch));
    if (header.lineage.size() > std::numeric_limits<decltype(SliceKey::generation)>::max()) {
      return source->placed(Error(ErrorCode::unsupported, "it has as many generations as a ledger can have"));
    }
    rocksdb::Checkpoint* created = nullptr;
    rocksdb::Status status = rocksdb::Checkpoint::Create(&source->db(), &created);
    const std::unique_ptr<rocksdb::Checkpoint> checkpoint(created);
    if (status.ok()) status = checkpoint->CreateCheckpoint(growing(directory));
    if (!status.ok()) return rocks_error(status, recover.source_directory);
    RETURN_IF_ERROR(write_new_generation(growing(directory), std::move(header), recover, loop.wall_ms()));
  }
  RETURN_IF_ERROR(settle_in_place(directory));
  return open_ledger(loop, directory, recover.epoch);
}

Result<std::unique_ptr<LedgerView>> view_ledger(const std::string& directory) {
  ASSIGN_OR_RETURN(auto database, open_existing(directory, RocksDatabase::Mode::read));
  ASSIGN_OR_RETURN(LedgerHeader header, ledger_reading::header(*database));
  return std::unique_ptr<LedgerView>(std::make_unique<RocksView>(std::move(database), std::move(header)));
}

LedgerStore& rocks_ledgers() {
  class Store final : public LedgerStore {
   public:
    bool exists(const std::string& directory) override { return ledger_exists(directory); }
    Result<std::unique_ptr<SliceLedger>> create(Loop& loop, const std::string& directory,
                                                const LedgerCreate& facts) override {
      return create_ledger(loop, directory, facts);
    }
    Result<std::unique_ptr<SliceLedger>> open(Loop& loop, const std::string& directory, std::uint64_t epoch) override {
      return open_ledger(loop, directory, epoch);
    }
    Result<std::unique_ptr<SliceLedger>> open_next_epoch(Loop& loop, const std::string& directory) override {
      return open_ledger_next_epoch(loop, directory);
    }
    Result<std::unique_ptr<SliceLedger>> recover(Loop& loop, const std::string& directory,
                                                 const LedgerRecover& facts) override {
      return recover_ledger(loop, directory, facts);
    }
  };
  static Store store;
  return store;
}

}  // namespace slicemill
