// WHERE A SLICE IS CREATED: by the slicers of the execution together. Each of them is a slicer_lane; here is how many
// slices they are asked for, and what they say as one. Loop thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/ledger/slice_ledger.h"
#include "core/runtime/loop.h"
#include "execution-controller/settlement/ledger_writer.h"
#include "execution-controller/sources/slicer_lane.h"
#include "slicer/slicer.h"

namespace slicemill::controller {

class SliceSource {
 public:
  struct Hooks {
    std::function<void(OpenRange)> on_created;  // durable: may be dispatched
    std::function<void()> on_change;            // a slicer finished, or a turn gave nothing
    std::function<void(const Error&)> on_fatal;
    std::function<void(const std::string&)> on_notice = {};  // a slicer has something to say; may be empty
  };

  SliceSource(Loop& loop, LedgerWriter& writer, Files& files, const LedgerHeader& header, const JobSpec& job,
              Hooks hooks);
  ~SliceSource();

  // Opens every slicer where it stood. done: once, when the first of them is open, or failed to; those that open later
  // are asked from then on, and one that fails to is fatal. The error names the slicer's complaint.
  void open(std::function<void(Result<void>)> done);
  // Keeps about `ahead` slices ready: asks for more while fewer than that wait.
  void fill(std::uint64_t waiting, std::uint64_t ahead);
  // A slicer makes slices for as long as it is asked. Known once it is open.
  bool is_endless() const { return endless_; }
  // No turn begins after this.
  void halt();
  // All slicers finished and every creation is durable.
  bool exhausted() const;
  // Nothing comes from any slicer before a further completion, or ever.
  bool gives_nothing() const;
  bool hears_completions() const;

  // Completions of this slicer's slices are heard by it: they are not to be recorded before.
  bool hears(std::uint32_t slicer) const;
  // Its slicer is told. record(true): now, in the batch that is being gathered, which also gets what follows from the
  // completion. record(false): the source cannot go on; the slice stays open, and is told again when it ran again.
  // After halt() too.
  void hear(Completion completion, std::function<void(bool heard)> record);
  // Once all that it was told so far is durable.
  void after_recorded(std::function<void()> then);
  // Null: slices of this slicer are tried as the job says.
  const SlicePolicyOf& policy(std::uint32_t slicer) const;

  std::size_t slicers() const { return lanes_.size(); }
  std::uint64_t subslices() const;
  SourceUnit unit() const;
  // What a slicer waits for that keeps it from giving slices; "": nothing.
  std::string waits_for() const;
  // What the source has in all; nothing: some slicer does not know (yet).
  std::optional<std::uint64_t> total() const;
  // By slicer, of those that know.
  std::map<std::uint32_t, std::uint64_t> totals() const;
  // Unknown reader: no slicers.
  bool can_resume() const;

 private:
  SlicerLane::Hooks lane_hooks();
  void opened(const Result<void>& result);

  Loop& loop_;
  LedgerWriter& writer_;
  const JobSpec job_;
  const Hooks hooks_;
  std::shared_ptr<std::atomic<bool>> halted_ = std::make_shared<std::atomic<bool>>(false);  // see SlicerContext
  std::vector<std::unique_ptr<SlicerLane>> lanes_;                                          // by slicer
  std::function<void(Result<void>)> on_opened_;
  bool endless_ = false;
  std::uint64_t last_waiting_ = 0, last_ahead_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace slicemill::controller
