#include "core/ledger/rocks_ledger.h"

#include <utility>

#include "core/ledger/ledger_reading.h"
#include "core/runtime/fault.h"

namespace slicemill {
namespace codec = ledger_codec;

Result<std::unique_ptr<SliceLedger>> RocksLedger::start(
    Loop& loop, std::unique_ptr<RocksDatabase> database,
    const std::function<Result<std::uint64_t>(const LedgerHeader&)>& choose_epoch) {
  RETURN_IF_ERROR(fault("ledger.open"));
  ASSIGN_OR_RETURN(LedgerHeader header, ledger_reading::header(*database));
  ASSIGN_OR_RETURN(header.epoch, choose_epoch(header));
  ASSIGN_OR_RETURN(const codec::RowCounts row_counts, ledger_reading::row_counts(*database));
  ASSIGN_OR_RETURN(OpenWork work, ledger_reading::open_work(*database));
  rocksdb::WriteBatch write;
  const std::string key = codec::fact_key(codec::Fact::epoch);
  write.Put(key, codec::encode_epoch(key, header.epoch)).PermitUncheckedError();
  RETURN_IF_ERROR(database->write_synced(write));
  return std::unique_ptr<SliceLedger>(
      new RocksLedger(loop, std::move(database), std::move(header), std::move(work), row_counts));
}

RocksLedger::RocksLedger(Loop& loop, std::unique_ptr<RocksDatabase> database, LedgerHeader header, OpenWork work,
                         codec::RowCounts row_counts)
    : loop_(loop),
      directory_(database->directory()),
      header_(std::move(header)),
      link_(std::make_shared<Link>()),
      builder_(*database, std::move(work), row_counts, header_.counters.quarantined),
      counts_(builder_.open_counts()),
      database_(std::move(database)) {
  link_->ledger = this;
}

RocksLedger::~RocksLedger() {
  {
    const std::lock_guard wait_for_commit(link_->mutex);
    link_->ledger = nullptr;
  }
  closing_ = true;
  const std::unique_lock wait_for_readers(database_mutex_);
}

// ---- writing --------------------------------------------------------------------------------------------------------

void RocksLedger::write(LedgerBatch batch, std::function<void(Result<void>)> synced) {
  ++backlog_;
  written_ = true;
  const auto tell = [link = link_] {
    if (link->ledger != nullptr) link->ledger->deliver();
  };
  if (closed_) {
    const std::lock_guard lock(queue_mutex_);
    committed_.push_back({{std::move(synced)}, closed_error()});
    loop_.post(tell);
    return;
  }
  {
    const std::lock_guard lock(queue_mutex_);
    queue_.push_back({std::move(batch), std::move(synced)});
  }
  // A task finds all that was queued while the one before it synced; those whose batches went with it find nothing.
  loop_.offload(
      Loop::Executor::ledger,
      [link = link_] {
        const std::lock_guard lock(link->mutex);
        if (link->ledger != nullptr) link->ledger->commit_queued();
      },
      tell);
}

void RocksLedger::commit_queued() {
  std::vector<Queued> group;
  {
    const std::lock_guard lock(queue_mutex_);
    group.swap(queue_);
  }
  if (group.empty()) return;
  Committed committed{{}, commit(group)};
  committed.callbacks.reserve(group.size());
  for (Queued& queued : group) committed.callbacks.push_back(std::move(queued.synced));
  const std::lock_guard lock(queue_mutex_);
  committed_.push_back(std::move(committed));
}

Result<void> RocksLedger::commit(std::vector<Queued>& group) {
  if (failure_) return *failure_;
  auto written = [&]() -> Result<void> {
    builder_.begin();
    for (const Queued& queued : group) RETURN_IF_ERROR(builder_.add(queued.batch));
    RETURN_IF_ERROR(fault("ledger.before_sync"));
    RETURN_IF_ERROR(database_->write_synced(builder_.finish()));
    return fault("ledger.sync");
  }();
  if (!written) {
    failure_ = written.error();
    return written;
  }
  const std::lock_guard lock(counts_mutex_);
  counts_ = builder_.open_counts();
  return {};
}

// One at a time, since a callback may destroy the ledger.
void RocksLedger::deliver() {
  const std::shared_ptr<Link> link = link_;
  std::vector<Committed> committed;
  {
    const std::lock_guard lock(queue_mutex_);
    committed.swap(committed_);
  }
  for (const auto& group : committed) backlog_ -= group.callbacks.size();
  for (const auto& group : committed) {
    for (const Callback& synced : group.callbacks) {
      if (link->ledger == nullptr) return;
      if (synced) synced(group.result);
    }
  }
}

Error RocksLedger::closed_error() const {
  return Error(ErrorCode::cancelled, "ledger " + directory_ + ": is closed");
}

Result<void> RocksLedger::close() {
  if (std::exchange(closed_, true)) return {};
  const std::lock_guard wait_for_commit(link_->mutex);
  commit_queued();
  loop_.post([link = link_] {
    if (link->ledger != nullptr) link->ledger->deliver();
  });
  closing_ = true;
  const std::unique_lock lock(database_mutex_);
  // After a failed write RocksDB would fail the flush too; the log holds what was synced.
  Result<void> result = failure_ ? Result<void>(*failure_) : database_->flush();
  database_.reset();
  return result;
}

// ---- reading --------------------------------------------------------------------------------------------------------

template <typename Read>
auto RocksLedger::reading(const Read& read) const -> decltype(read(std::declval<const RocksDatabase&>())) {
  const std::shared_lock lock(database_mutex_);
  if (closing_ || database_ == nullptr) return closed_error();
  return read(*database_);
}

namespace {

Error too_late() {
  return Error(ErrorCode::internal, "what is open may only be asked before the first write to a ledger");
}

}  // namespace

Result<std::vector<OpenRange>> RocksLedger::open_ranges() const {
  if (written_) return too_late();
  return reading([&](const RocksDatabase& database) { return ledger_reading::open_ranges(database, builder_.work()); });
}

Result<std::vector<CommittedOutput>> RocksLedger::unpublished_outputs() const {
  if (written_) return too_late();
  return reading(
      [&](const RocksDatabase& database) { return ledger_reading::unpublished_outputs(database, builder_.work()); });
}

Result<std::vector<OpenRow>> RocksLedger::rows(std::optional<SliceKey> after, std::size_t limit) const {
  return reading([&](const RocksDatabase& database) { return ledger_reading::rows(database, after, limit); });
}

Result<void> RocksLedger::for_each_output(const std::function<Result<void>(const CommittedOutput&)>& visit) const {
  return reading(
      [&](const RocksDatabase& database) { return ledger_reading::for_each_output(database, &closing_, visit); });
}

Result<std::vector<OpenRow>> RocksLedger::errors(std::uint64_t from, std::uint64_t size) const {
  return reading([&](const RocksDatabase& database) { return ledger_reading::errors(database, from, size); });
}

Result<std::vector<QuarantineRow>> RocksLedger::quarantine(std::optional<QuarantinePlace> after, std::uint64_t skip,
                                                           std::uint64_t size) const {
  return reading(
      [&](const RocksDatabase& database) { return ledger_reading::quarantine(database, after, skip, size); });
}

Result<std::vector<SliceTry>> RocksLedger::tries(std::uint64_t skip, std::uint64_t size) const {
  return reading([&](const RocksDatabase& database) { return ledger_reading::tries(database, skip, size); });
}

Result<std::uint32_t> RocksLedger::quarantined_of(const SliceKey& key) const {
  return reading([&](const RocksDatabase& database) { return ledger_reading::quarantined_of(database, key); });
}

Result<SliceLedger::OpenCounts> RocksLedger::open_counts() const {
  const std::lock_guard lock(counts_mutex_);
  return counts_;
}

Result<SourceProgress> RocksLedger::source_progress() const {
  return reading([&](const RocksDatabase& database) { return ledger_reading::source_progress(database); });
}

}  // namespace slicemill
