// ONE SLICER. Opened where it stood, asked for slices, and told of completions if it hears them; what it gives is
// numbered, and created together with its new position. Loop thread; the slicer itself works in an executor's lane of
// its own, one turn at a time, so one that hangs delays no other.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/ledger/slice_ledger.h"
#include "core/runtime/loop.h"
#include "execution-controller/settlement/ledger_writer.h"
#include "slicer/slicer.h"

namespace slicemill::controller {

class SlicerLane {
 public:
  // What all slicers of an execution share; outlives them.
  struct Surroundings {
    Loop& loop;
    LedgerWriter& writer;
    Files& files;
    const JobSpec& job;
    std::uint16_t generation = 0;
    std::uint64_t epoch = 0;
    std::shared_ptr<std::atomic<bool>> halted;  // nothing further is wanted
  };
  struct Hooks {
    std::function<void(const Result<void>&)> on_opened;  // once: it is open, or cannot be opened
    std::function<void(OpenRange)> on_created;           // durable: may be dispatched
    std::function<void()> on_change;                     // a turn is over
    std::function<void()> on_free;                       // it may be asked again, after an error or a time without work
    std::function<void(const Error&)> on_fatal;          // it cannot go on
    std::function<void(const std::string&)> on_notice;
  };

  // total: of its source, as far as it is known.
  SlicerLane(Surroundings surroundings, std::uint32_t id, SlicerPosition position, std::optional<std::uint64_t> total,
             Hooks hooks);

  // False: no slicer cuts for this reader. Nothing else may be called then.
  bool is_there() const { return slicer_ != nullptr; }
  const Slicer& slicer() const { return *slicer_; }
  const SlicePolicyOf& policy() const { return policy_; }

  // Known once it is open.
  bool is_endless() const { return is_endless_; }
  // There is something to do that needs it open.
  bool must_open() const { return !position_.finished || slicer_->hears_completions(); }
  void open();
  // It is open, has no turn under way, and may have something to give.
  bool may_be_asked() const;
  // At most about `wanted` slices.
  void ask(std::size_t wanted);

  // See SliceSource.
  void hear(Completion completion, std::function<void(bool heard)> record);
  bool has_untold() const { return !waiting_.empty() || !told_.empty(); }
  // Once it is told all that waits.
  void when_told(std::function<void()> then) { then_.push_back(std::move(then)); }

  // It said that there are no more slices, and all that it gave is durable.
  bool is_exhausted() const { return position_.finished && !in_turn_; }
  // Nothing comes before a further completion, or ever.
  bool gives_nothing() const { return is_exhausted() || (awaits_completions_ && !in_turn_ && !has_untold()); }
  std::uint64_t subslices() const { return subslices_; }
  const std::optional<std::uint64_t>& total() const { return total_; }
  const std::string& waits_for() const { return waits_for_; }

  static constexpr std::uint64_t kLeastPerTurn = 256;

 private:
  struct Heard {
    Completion completion;
    std::function<void(bool heard)> record;
  };
  struct Opening {
    std::shared_ptr<Slicer> slicer;
    SlicerContext context;
    std::string position;
  };

  Opening opening() const;
  void opened(const Result<void>& result);
  void fail(const Error& error);
  // Calls `again` after a while if the error may pass; false: it will not, or often enough was tried.
  bool try_again(const Error& error, const char* what, void (SlicerLane::*again)());
  void take_turn(std::function<Result<SliceBatch>(Slicer&)> work);
  void finish_turn(Result<SliceBatch> result);
  void end_turn();
  void be_free();
  void tell();
  void record(bool heard);
  void note(SliceBatch& turn);
  std::vector<OpenRange> create(SliceBatch& turn);

  // 21 members, since what it was given, what it gives and what it is told meet in one turn.
  const Surroundings all_;
  const std::uint32_t id_;
  const std::size_t source_;  // number of the node in the plan
  const Hooks hooks_;
  const SlicePolicyOf policy_;
  std::shared_ptr<Slicer> slicer_;  // shared with the executor while a turn is under way
  SlicerPosition position_;
  bool is_open_ = false;
  bool is_endless_ = false;
  bool in_turn_ = false;
  bool finished_turns_ = false;  // it said so; position_.finished follows when that is durable
  bool idle_ = false;
  std::uint32_t failures_ = 0;
  std::uint64_t subslices_ = 0;
  std::optional<std::uint64_t> total_;
  std::string waits_for_;
  // Of one that hears completions.
  bool awaits_completions_ = false;  // it has nothing to give before
  bool is_broken_ = false;           // it cannot go on: nothing is told any more
  std::vector<Heard> waiting_;       // not told yet
  std::vector<Heard> told_;          // in the turn that is under way
  std::vector<std::function<void()>> then_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace slicemill::controller
