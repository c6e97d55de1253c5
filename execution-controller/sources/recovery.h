// WHERE A SLICE IS REPLAYED. What an opened ledger still owes: slices of this execution that were open when its
// controller died, and, in a recovery, the stored requests of earlier executions. Loop thread; reading happens on the
// query executor.
//
// A replay never calls the slicer, so it works for every slicer, and it streams: 200,000 failed slices cost a page of
// memory.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "core/ledger/slice_ledger.h"
#include "core/runtime/json.h"
#include "core/runtime/loop.h"
#include "execution-controller/dispatch/active_slice.h"
#include "execution-controller/dispatch/slice_queue.h"

namespace slicemill::controller {

class Recovery {
 public:
  struct Hooks {
    std::function<void(ActiveSlice)> on_isolated;  // an open slice that killed a worker under an earlier controller
    std::function<void(ActiveSlice)> on_charged;   // one that was to be charged, instead of being queued
    std::function<void()> on_change;
    std::function<void(const Error&)> on_fatal;
  };
  using Committed = std::vector<std::pair<ActiveSlice, CommittedOutput>>;

  // goes_on: a recovery of one cleanup type slices on when its replay is through.
  Recovery(Loop& loop, SliceLedger& ledger, SliceQueue& queue, bool goes_on, Hooks hooks);

  // At opening: fills the queue with open ranges that this execution was asked to run, and returns what was committed
  // but not settled.
  Result<Committed> open();
  // Streams rows into the queue while fewer than `ahead` slices wait.
  void fill(std::uint64_t waiting, std::uint64_t ahead);
  void halt() { halted_ = true; }
  // A row that this controller writes itself is not read back as something to replay.
  void ignore(const SliceKey& key) {
    if (!rows_read()) ignored_.insert(key);
  }
  // A worker had begun this slice when it died together with its controller. At opening, before the first fill().
  void charge(const SliceKey& key, const Attempt& attempt);
  // Every row was looked at.
  bool rows_read() const { return rows_ == Rows::all_read; }
  // The slicer is asked for new slices (not in a recovery of one cleanup type, unless the job recovers by itself).
  bool slices_anew() const;
  // There is something of earlier executions to run again.
  bool replays() const { return replays_; }
  // Quarantined records are to run again.
  bool redrives() const;

 private:
  enum class Rows { unread, reading, all_read };

  bool wants_open(const OpenRange& range) const;
  bool wants_row(const OpenRow& row) const;
  Result<ActiveSlice> slice_of_row(const SliceKey& key) const;
  void page_read(Result<std::vector<OpenRow>> page);

  Loop& loop_;
  SliceLedger& ledger_;
  SliceQueue& queue_;
  bool goes_on_;
  Hooks hooks_;
  std::optional<SliceKey> after_;
  Rows rows_ = Rows::unread;
  bool halted_ = false;
  bool replays_ = false;
  std::set<SliceKey> charged_;
  std::set<SliceKey> ignored_;  // rolled forward, or in this controller's hands already
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace slicemill::controller
