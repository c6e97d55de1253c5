// SliceLedger on RocksDB: a queue of batches, the ledger executor that writes what has gathered with one sync, and
// reading beside it.
//
// Owner and threads as the seam says. Destroying it without close() drops what was not written yet and flushes nothing,
// like a crash; callbacks still on their way are dropped too, so nothing calls an owner that is gone.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <vector>

#include "core/ledger/group_builder.h"
#include "core/ledger/rocks_database.h"
#include "core/ledger/slice_ledger.h"

namespace slicemill {

class RocksLedger final : public SliceLedger {
 public:
  // Reads what is open, then syncs the epoch: choose_epoch is given the stored header and returns the new one.
  static Result<std::unique_ptr<SliceLedger>> start(
      Loop& loop, std::unique_ptr<RocksDatabase> database,
      const std::function<Result<std::uint64_t>(const LedgerHeader&)>& choose_epoch);
  ~RocksLedger() override;

  const LedgerHeader& header() const override { return header_; }
  void write(LedgerBatch batch, std::function<void(Result<void>)> synced) override;
  std::size_t backlog() const override { return backlog_; }
  Result<std::vector<OpenRange>> open_ranges() const override;
  Result<std::vector<OpenRow>> rows(std::optional<SliceKey> after, std::size_t limit) const override;
  Result<std::vector<CommittedOutput>> unpublished_outputs() const override;
  Result<void> for_each_output(const std::function<Result<void>(const CommittedOutput&)>& visit) const override;
  Result<std::vector<OpenRow>> errors(std::uint64_t from, std::uint64_t size) const override;
  Result<std::vector<QuarantineRow>> quarantine(std::optional<QuarantinePlace> after, std::uint64_t skip,
                                                std::uint64_t size) const override;
  Result<std::vector<SliceTry>> tries(std::uint64_t skip, std::uint64_t size) const override;
  Result<std::uint32_t> quarantined_of(const SliceKey& key) const override;
  Result<OpenCounts> open_counts() const override;
  Result<SourceProgress> source_progress() const override;
  Result<void> close() override;

 private:
  using Callback = std::function<void(Result<void>)>;
  struct Queued {
    LedgerBatch batch;
    Callback synced;
  };
  // What outlives the ledger: lets tasks of the executor and callbacks that are on their way find out whether it is
  // still there. A commit holds the mutex, so whoever ends the ledger waits for it.
  struct Link {
    std::mutex mutex;
    RocksLedger* ledger;  // set to nullptr on the loop thread, under the mutex
  };
  struct Committed {
    std::vector<Callback> callbacks;
    Result<void> result;
  };

  RocksLedger(Loop& loop, std::unique_ptr<RocksDatabase> database, LedgerHeader header, OpenWork work,
              ledger_codec::RowCounts row_counts);

  // Writes everything that is queued. By Link::mutex.
  void commit_queued();
  Result<void> commit(std::vector<Queued>& group);
  void deliver();
  Error closed_error() const;
  // Runs `read` on the database unless it is closed, and keeps it open meanwhile.
  template <typename Read>
  auto reading(const Read& read) const -> decltype(read(std::declval<const RocksDatabase&>()));

  // constant after construction
  Loop& loop_;
  const std::string directory_;
  const LedgerHeader header_;
  const std::shared_ptr<Link> link_;

  // loop thread
  std::size_t backlog_ = 0;
  bool written_ = false;  // from then on work is the executor's
  bool closed_ = false;

  // by Link::mutex once something was written
  GroupBuilder builder_;
  std::optional<Error> failure_;  // of the first write that failed: the answer to every later one

  // by queue_mutex_
  std::mutex queue_mutex_;
  std::vector<Queued> queue_;
  std::vector<Committed> committed_;  // in the order of their commits; the loop thread takes them

  // by counts_mutex_
  mutable std::mutex counts_mutex_;
  OpenCounts counts_;

  // Readers hold it shared; closing waits for them and turns later ones away.
  mutable std::shared_mutex database_mutex_;
  std::atomic<bool> closing_ = false;
  std::unique_ptr<RocksDatabase> database_;
};

}  // namespace slicemill
