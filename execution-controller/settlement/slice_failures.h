// WHERE A SLICE FAILS: it is tried again, or ends as an error row. Where workers commit in another system, it is fenced
// before it ends (slice_fence), and is done if it was committed after all. Loop thread. Errors are told by the hooks.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/outputs/output_publisher.h"
#include "core/runtime/loop.h"
#include "core/wire/messages.h"
#include "execution-controller/dispatch/active_slice.h"
#include "execution-controller/settlement/completion_gate.h"
#include "execution-controller/settlement/decided_group.h"
#include "execution-controller/settlement/ledger_writer.h"
#include "execution-controller/settlement/slice_fence.h"
#include "execution-controller/settlement/slice_tries.h"
#include "execution-controller/settlement/tally.h"

namespace slicemill::controller {

class SliceFailures {
 public:
  struct Parts {
    LedgerWriter& writer;
    Tally& tally;
    SliceTries& tries;
    CompletionGate& gate;
    DecidedGroup& group;
  };
  struct Hooks {
    std::function<void(ActiveSlice)> on_isolated;  // it killed a worker, which is durable: dispatch it alone
    std::function<void(ActiveSlice, const wire::SliceResult&)> on_done;  // an earlier attempt has committed it
    std::function<void(ActiveSlice)> on_left_open;                       // it was being fenced, after drop_unfenced()
    std::function<void()> on_change;
    std::function<void(const Error&)> on_obstacle;  // nothing is fenced until go_on()
    std::function<void(const Error&)> on_unfenced;  // slices cannot be fenced: the job cannot go on
  };

  // Parts and publisher outlive it. publisher: nullptr if nothing is published.
  SliceFailures(Loop& loop, OutputPublisher* publisher, std::uint64_t epoch, Parts parts, Hooks hooks);

  void fail(ActiveSlice slice, const wire::SliceResult& result, bool retryable);
  void crash(ActiveSlice slice, const std::string& cause);
  // record: the one that is at fault, if it is known.
  void fail_for_good(const ActiveSlice& slice, const std::string& error,
                     std::optional<QuarantinedRecord> record = std::nullopt);
  void go_on();
  // See Settlement.
  std::vector<ActiveSlice> drop_unfenced();
  void fence_rest(std::vector<ActiveSlice> given_up, std::function<void(const std::string& trouble)> done);
  // "" or why fencing does not get on.
  std::string obstacle() const { return fence_ ? fence_->trouble() : std::string(); }

 private:
  SliceFence::Hooks fence_hooks();
  void complete_committed(ActiveSlice slice, ClaimedOutput output);
  // Once the slice is fenced, if it has to be.
  void record_error(const EndedSlice& ended);
  void settle_failed(const ActiveSlice& slice, const std::string& error, std::optional<QuarantinedRecord> record);

  const Parts parts_;
  const Hooks hooks_;
  std::unique_ptr<SliceFence> fence_;  // nullptr: no sink needs it
};

}  // namespace slicemill::controller
