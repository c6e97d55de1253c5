// WHEN A SLICE IS TRIED AGAIN, AND WHAT IS KEPT OF ITS TRIES. A try that failed is durable, so that another controller
// does not count from the beginning; slices with a policy of their own keep a history of all tries. Loop thread; no
// call fails.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/ledger/slice_ledger.h"
#include "core/runtime/loop.h"
#include "execution-controller/dispatch/active_slice.h"
#include "execution-controller/settlement/ledger_writer.h"
#include "execution-controller/settlement/retry_policy.h"
#include "execution-controller/settlement/retry_wait.h"
#include "execution-controller/settlement/tally.h"
#include "slicer/slicer.h"

namespace slicemill::controller {

class SliceTries {
 public:
  struct Hooks {
    std::function<void(ActiveSlice)> on_retry;                               // its backoff is over
    std::function<void(const SliceKey&)> on_noted;                           // see note()
    std::function<std::optional<SlicePolicy>(const ActiveSlice&)> policy{};  // nothing: as the job says
  };

  // Counts retries in the tally. Everything outlives it.
  SliceTries(Loop& loop, LedgerWriter& writer, Tally& tally, std::uint16_t generation, RetryPolicy retries,
             Hooks hooks);

  // The slice's latest try has failed. True: taken, on_retry is called later; false: it was the last one.
  bool again(ActiveSlice& slice, const std::string& error, bool retryable);
  // A worker died of the slice, which is charged with that. False: as often as may be.
  bool charge(ActiveSlice& slice, const std::string& cause);
  // The latest try has ended: into the slice's history, if it keeps one. busy_us: how long it took, 0: not known.
  void ended(const ActiveSlice& slice, SliceTry::End end, std::uint64_t busy_us, std::string value, std::string error);
  // A try that failed, in the ledger: retries and crashes as they stand in the slice now.
  void note(ActiveSlice& slice, std::string error);
  // The slice as the ledger is to keep it.
  OpenRow row_of(const ActiveSlice& slice, SliceState state, std::string error) const;

  // No more retries: what waits for one stays open, and is returned.
  std::vector<ActiveSlice> take_waiting() { return waiting_.take_all(); }
  std::size_t waiting() const { return waiting_.size(); }

 private:
  RetryPolicy retries_of(const ActiveSlice& slice) const;

  Loop& loop_;
  LedgerWriter& writer_;
  Tally& tally_;
  const std::uint16_t generation_;
  const RetryPolicy retries_;
  const Hooks hooks_;
  RetryWait waiting_;
};

}  // namespace slicemill::controller
