#include "execution-controller/settlement/output_join.h"

#include <utility>

#include "core/runtime/fault.h"
#include "core/runtime/mutation.h"

namespace slicemill::controller {

OutputJoin::OutputJoin(Loop& loop, SliceLedger& ledger, LedgerWriter& writer, OutputPublisher& publisher, Hooks hooks)
    : loop_(loop), ledger_(ledger), writer_(writer), publisher_(publisher), hooks_(std::move(hooks)) {
  if (const auto& joined = ledger_.header().joined) joined_ = joined->facts;
}

void OutputJoin::begin() {
  if (std::exchange(begun_, true)) return;
  if (joined_)
    publish(*joined_);
  else
    join();
}

void OutputJoin::failed(const Error& error, std::string_view what) {
  if (!error.obstacle) {
    hooks_.on_done(with_context(error, what));
    return;
  }
  begun_ = false;
  hooks_.on_obstacle(error);
}

void OutputJoin::join() {
  auto joined = std::make_shared<Result<OutputFacts>>(OutputFacts{});
  auto work = [this, joined] {
    *joined = publisher_.join([this](const OutputVisitor& visit) { return ledger_.for_each_output(visit); });
  };
  loop_.offload(Loop::Executor::publish, std::move(work), [this, joined, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired()) return;
    if (!*joined) {
      failed(joined->error(), "cannot join the output");
      return;
    }
    if (SLICEMILL_MUTATED("join_before_sync")) {
      publish(**joined);
      return;
    }
    writer_.batch().joined = JoinRecord{**joined, false};
    writer_.after_sync([this, facts = **joined] {
      joined_ = facts;
      if (auto passed = fault("joined"); !passed)
        hooks_.on_fatal(passed.error());
      else
        publish(facts);
    });
  });
}

void OutputJoin::publish(const OutputFacts& facts) {
  auto published = std::make_shared<Result<void>>();
  loop_.offload(
      Loop::Executor::publish, [this, facts, published] { *published = publisher_.publish_joined(facts); },
      [this, facts, published, alive = std::weak_ptr<bool>(alive_)] {
        if (alive.expired()) return;
        if (!*published) {
          failed(published->error(), "cannot publish the joined output");
          return;
        }
        writer_.batch().joined = JoinRecord{facts, true};
        hooks_.on_done({});
      });
}

}  // namespace slicemill::controller
