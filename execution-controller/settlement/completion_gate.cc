#include "execution-controller/settlement/completion_gate.h"

#include <utility>

#include "core/runtime/mutation.h"

namespace slicemill::controller {

CompletionGate::CompletionGate(std::uint16_t generation, Hooks hooks)
    : generation_(generation), hooks_(std::move(hooks)) {}

bool CompletionGate::is_heard(const SliceKey& key) const {
  if (SLICEMILL_MUTATED("forget_replayed") && key.generation < generation_) return false;
  return hooks_.hears && hooks_.hears(key.slicer);
}

void CompletionGate::pass(const ActiveSlice& slice, SliceState state, const std::string& value,
                          std::function<void()> record) {
  if (!is_heard(slice.key)) {
    record();
    return;
  }
  if (SLICEMILL_MUTATED("settlement_without_births")) {
    record();
    record = [] {};
  }
  hooks_.hear({.key = slice.key, .request = slice.request(), .state = state, .value = value},
              [this, record = std::move(record)](bool heard) { heard ? record() : hooks_.on_unheard(); });
}

}  // namespace slicemill::controller
