// WHERE WORK COMES FROM. Stored slices of earlier executions (recovery), quarantined records (redrive), and the slicers
// (slice_source): which of them an execution has, in which order they give, and when all is given. Loop thread.
//
// Stored slices run first; the slicers open when those are through, but for slicers that hear what becomes of them. An
// execution whose slicers do not know where they stood has only its stored slices, and fails at its end.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "core/ledger/slice_ledger.h"
#include "core/model/job_spec.h"
#include "core/runtime/files.h"
#include "core/runtime/loop.h"
#include "execution-controller/dispatch/slice_queue.h"
#include "execution-controller/settlement/ledger_writer.h"
#include "execution-controller/sources/recovery.h"
#include "execution-controller/sources/redrive.h"
#include "execution-controller/sources/slice_source.h"

namespace slicemill::controller {

class WorkSources {
 public:
  struct Hooks {
    std::function<void(ActiveSlice)> on_isolated;  // see Recovery
    std::function<void(ActiveSlice)> on_charged;
    std::function<void()> on_change;
    // Slices may be asked for: stored ones, or those of the slicers, which failed to open or are open. At most twice.
    std::function<void(const Result<void>&)> on_ready;
    std::function<void(const std::string&)> on_notice;  // of a slicer
    std::function<void(const Error&)> on_fatal;         // the source cannot go on
    std::function<void(const Error&)> on_ledger_failed;
  };

  WorkSources(Loop& loop, SliceLedger& ledger, LedgerWriter& writer, Files& files, SliceQueue& queue,
              const JobSpec& job, Hooks hooks);

  // What the ledger owes is put into the queue; what was committed and not settled is returned. Before begin().
  Result<Recovery::Committed> load() { return recovery_.open(); }
  void charge(const SliceKey& key, const Attempt& attempt) { recovery_.charge(key, attempt); }
  // goes_on: the execution, or one that it recovers, has begun before: slicers must know where they stood.
  void begin(bool goes_on);
  // The stored slices are through: the slicers go on, if they are not open yet.
  void open_slicers();
  // Keeps about so many slices in the queue: `ahead`, or of slicers that never end `least`.
  void fill(std::uint64_t queued, std::uint64_t ahead, std::uint64_t least);
  // Nothing further is given.
  void halt();

  // Of settlement: what becomes of slices.
  void hear(Completion completion, std::function<void(bool)> record) {
    source_.hear(std::move(completion), std::move(record));
  }
  // Once all that slicers were told so far is durable.
  void after_recorded(std::function<void()> then) { source_.after_recorded(std::move(then)); }
  // Nothing: the slice is tried as the job says.
  std::optional<SlicePolicy> policy_of(const ActiveSlice& slice) const {
    const SlicePolicyOf& policy = source_.policy(slice.key.slicer);
    return policy ? std::optional(policy(slice.request())) : std::nullopt;
  }
  void noted(const SliceKey& key) { recovery_.ignore(key); }

  // There is something of earlier executions to run again.
  bool replays() const { return recovery_.replays(); }
  bool redrives() const { return recovery_.redrives(); }
  // The slicers are asked for new slices, now or once the stored ones are through. What follows from a completion comes
  // in every recovery that has one.
  bool slices_anew() const { return recovery_.slices_anew() || (source_.hears_completions() && !recovery_.redrives()); }
  // All stored slices and quarantined records are in the queue, or beyond it.
  bool stored_given() const { return recovery_.rows_read() && redrive_.finished(); }
  // The slicers are open, or failed to, or will not open.
  bool slicers_decided() const { return slicers_ == Slicers::decided; }
  bool cannot_resume() const { return cannot_resume_; }
  // Every slice of the slicers is created, but for those that follow from others; without any, at once.
  bool slicers_given() const {
    return slicers_decided() && (cannot_resume_ || !slices_anew() || source_.gives_nothing());
  }
  // With nothing under way: what would follow from completions will not come.
  bool waits_for_completions() const { return slices_anew() && !cannot_resume_ && !source_.exhausted(); }
  bool source_exhausted() const { return source_.exhausted(); }
  const SliceSource& source() const { return source_; }

 private:
  enum class Slicers { closed, opening, decided };

  SliceSource source_;
  Recovery recovery_;
  Redrive redrive_;
  const Hooks hooks_;
  Slicers slicers_ = Slicers::closed;
  bool cannot_resume_ = false;
};

}  // namespace slicemill::controller
