#include "execution-controller/settlement/adopted_outputs.h"

#include <utility>

namespace slicemill::controller {

AdoptedOutputs::AdoptedOutputs(Loop& loop, OutputPublisher* publisher, std::uint64_t epoch, OnKnown on_known)
    : loop_(loop), publisher_(publisher), epoch_(epoch), on_known_(std::move(on_known)) {}

void AdoptedOutputs::look(ActiveSlice slice, const wire::SliceResult& result) {
  ++looks_;
  auto is_there = std::make_shared<Result<bool>>(true);
  auto shared = std::make_shared<ActiveSlice>(std::move(slice));
  auto copy = std::make_shared<wire::SliceResult>(result);
  auto look = [publisher = publisher_, is_there, copy] {
    *is_there = publisher->is_there({copy->key, copy->attempt, copy->output});
  };
  loop_.offload(Loop::Executor::publish, std::move(look),
                [this, is_there, shared, copy, alive = std::weak_ptr<bool>(alive_)] {
                  if (alive.expired()) return;
                  on_known_(std::move(*shared), *copy, *is_there);
                  if (--looks_ > 0) return;
                  for (auto& then : std::exchange(waiting_, {})) then();
                });
}

void AdoptedOutputs::after_known(std::function<void()> then) {
  if (looks_ > 0)
    waiting_.push_back(std::move(then));
  else
    then();
}

}  // namespace slicemill::controller
