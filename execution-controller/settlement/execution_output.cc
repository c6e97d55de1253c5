#include "execution-controller/settlement/execution_output.h"

#include <utility>

namespace slicemill::controller {

ExecutionOutput::ExecutionOutput(Loop& loop, SliceLedger& ledger, LedgerWriter& writer,
                                 std::unique_ptr<OutputPublisher> publisher, Hooks hooks)
    : loop_(loop), ledger_(ledger), publisher_(std::move(publisher)), hooks_(std::move(hooks)) {
  if (!publisher_) return;
  sweep_ = std::make_unique<StagingSweep>(loop, *publisher_, ledger.header().epoch);
  if (!publisher_->joins()) return;
  join_ = std::make_unique<OutputJoin>(loop, ledger, writer, *publisher_,
                                       OutputJoin::Hooks{.on_done =
                                                             [this](const Result<void>& joined) {
                                                               joined_ = joined.has_value();
                                                               hooks_.on_joined(joined);
                                                             },
                                                         .on_obstacle = hooks_.on_obstacle,
                                                         .on_fatal = hooks_.on_fatal});
}

void ExecutionOutput::prepare(bool first) {
  if (!publisher_) {
    hooks_.on_prepared({});
    return;
  }
  is_first_ = first;
  preparing_ = Preparing::under_way;
  auto prepared = std::make_shared<Result<void>>();
  loop_.offload(
      Loop::Executor::publish, [this, prepared, first] { *prepared = publisher_->prepare(first); },
      [this, prepared, alive = std::weak_ptr<bool>(alive_)] {
        if (alive.expired()) return;
        const bool is_obstructed = !*prepared && prepared->error().obstacle;
        preparing_ = is_obstructed ? Preparing::obstructed : Preparing::no;
        if (is_obstructed)
          hooks_.on_obstacle(prepared->error());
        else
          hooks_.on_prepared(*prepared);
      });
}

void ExecutionOutput::go_on() {
  if (preparing_ == Preparing::obstructed) prepare(is_first_);
}

void ExecutionOutput::probe(const Obstacle::Answer& answer) {
  auto passed = std::make_shared<Result<void>>();
  auto work = [publisher = publisher_.get(), passed] {
    if (publisher != nullptr) *passed = publisher->probe();
  };
  loop_.offload(Loop::Executor::publish, std::move(work), [passed, answer] { answer(*passed); });
}

void ExecutionOutput::keep(const SliceKey& key, const Attempt& attempt) {
  if (sweep_) sweep_->keep(key, attempt);
}

void ExecutionOutput::lost(const SliceAttempts& attempts) {
  if (sweep_) sweep_->lost(attempts);
}

void ExecutionOutput::begin_sweep() {
  if (sweep_) sweep_->begin();
}

void ExecutionOutput::clean_up(ExecutionStatus outcome, bool has_quarantined, std::function<void()> done) {
  if (!cleans_up()) {
    done();
    return;
  }
  const auto& before = ledger_.header().joined;
  // A redrive of quarantined records adds files to a directory.
  const bool is_joined = !publisher_->joins() || joined_ || (before && before->published);
  const bool takes_no_more = is_joined && !(publisher_->takes_more() && has_quarantined);
  const bool whole = outcome == ExecutionStatus::completed && takes_no_more;
  loop_.offload(
      Loop::Executor::publish, [this, whole] { publisher_->clean_up(whole); },
      [done = std::move(done), alive = std::weak_ptr<bool>(alive_)] {
        if (!alive.expired()) done();
      });
}

}  // namespace slicemill::controller
