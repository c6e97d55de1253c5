// WHERE A SLICE IS CREATED. Asks the slicers for runs, numbers them, and hands them on once their creation is durable.
// Slicers that hear completions are told of them, and what follows is in one batch with the completion.
// Loop thread; each slicer works in an executor's lane of its own, one turn at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/ledger/slice_ledger.h"
#include "core/runtime/loop.h"
#include "execution-controller/settlement/ledger_writer.h"
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
  // Once all that it was told so far is in the batch that is being gathered, or an earlier one.
  void after_heard(std::function<void()> then);
  // Null: slices of this slicer are tried as the job says.
  const SlicePolicyOf& policy(std::uint32_t slicer) const;

  std::size_t slicers() const { return states_.size(); }
  std::uint64_t subslices() const { return subslices_; }
  SourceUnit unit() const;
  // What a slicer waits for that keeps it from giving slices; "": nothing.
  std::string waits_for() const;
  // What the source has in all; nothing: some slicer does not know (yet).
  std::optional<std::uint64_t> total() const;
  // By slicer, of those that know.
  const std::map<std::uint32_t, std::uint64_t>& totals() const { return totals_; }
  // Unknown reader: no slicers.
  bool can_resume() const;

 private:
  struct Heard;
  struct State;
  struct Opening {
    std::shared_ptr<Slicer> slicer;
    SlicerContext context;
    std::string position;
  };
  Opening opening_of(const State& state) const;
  void open_one(State& state);
  void opened(State& state, const Result<void>& result);
  void tell_opened(const Result<void>& result);
  void take_turn(State& state, std::size_t wanted);
  void hear_turn(State& state);
  void run_turn(State& state, std::function<Result<SliceBatch>(Slicer&)> work);
  void end_turn(State& state);
  void go_on(State& state);
  void note(State& state, SliceBatch& turn);
  std::shared_ptr<std::vector<OpenRange>> create(State& state, SliceBatch& turn);
  void record_heard(State& state, bool heard);
  void wait_idle(State& state, std::int64_t idle_ms);
  void note_wait(State& state, SliceBatch& turn);
  void finish_batch(State& state, Result<SliceBatch> turn);
  void retry_or_fail(State& state, const Error& error);

  // 17 members, since a turn needs all that a slicer is told, and a further turn follows from what the last one left.
  Loop& loop_;
  LedgerWriter& writer_;
  Files& files_;
  std::uint16_t generation_;
  std::uint64_t epoch_;
  JobSpec job_;
  Hooks hooks_;
  std::vector<std::unique_ptr<State>> states_;
  std::function<void(Result<void>)> on_opened_;
  bool endless_ = false;
  bool halted_ = false;
  std::shared_ptr<std::atomic<bool>> cancelled_ = std::make_shared<std::atomic<bool>>(false);  // see SlicerContext
  std::uint64_t subslices_ = 0;
  std::map<std::uint32_t, std::uint64_t> totals_;
  std::uint64_t last_waiting_ = 0, last_ahead_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace slicemill::controller
