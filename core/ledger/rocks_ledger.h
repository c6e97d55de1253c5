// SliceLedger on RocksDB: a queue of batches, one commit thread that writes what has gathered with one sync, and
// reading beside it.
//
// Owner and threads as the seam says. Destroying it without close() drops what was not written yet and flushes nothing,
// like a crash; callbacks still on their way are dropped too, so nothing calls an owner that is gone.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <thread>
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
  Result<OpenCounts> open_counts() const override;
  Result<void> close() override;

 private:
  using Callback = std::function<void(Result<void>)>;
  struct Queued {
    LedgerBatch batch;
    Callback synced;
  };
  // Lets callbacks that are on their way find out whether the ledger is still there. Loop thread.
  struct Link {
    RocksLedger* ledger;
  };

  RocksLedger(Loop& loop, std::unique_ptr<RocksDatabase> database, LedgerHeader header, OpenWork work,
              ledger_codec::RowCounts row_counts);

  void commit_groups();
  Result<void> commit(std::vector<Queued>& group);
  void deliver(const std::vector<Callback>& callbacks, const Result<void>& result);
  void end_commit_thread(bool write_queued);
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
  bool written_ = false;  // from then on work is the commit thread's
  bool closed_ = false;

  // commit thread while it runs
  GroupBuilder builder_;
  std::optional<Error> failure_;  // of the first write that failed: the answer to every later one

  // by queue_mutex_
  std::mutex queue_mutex_;
  std::condition_variable queue_changed_;
  std::vector<Queued> queue_;
  bool ending_ = false;

  // by counts_mutex_
  mutable std::mutex counts_mutex_;
  OpenCounts counts_;

  // Readers hold it shared; closing waits for them and turns later ones away.
  mutable std::shared_mutex database_mutex_;
  std::atomic<bool> closing_ = false;
  std::unique_ptr<RocksDatabase> database_;

  std::thread thread_;  // last: it uses everything above
};

}  // namespace slicemill
