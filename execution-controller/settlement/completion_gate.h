// WHEN A DECIDED SLICE MAY BE RECORDED. A slicer that hears completions is told of its slice first, and what follows
// from that is in the same batch; slices of all other slicers are recorded at once. Loop thread; no call fails.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "execution-controller/dispatch/active_slice.h"
#include "slicer/slicer.h"

namespace slicemill::controller {

class CompletionGate {
 public:
  // See SliceSource. hears: null if no slicer does.
  struct Hooks {
    std::function<bool(std::uint32_t slicer)> hears{};
    std::function<void(Completion, std::function<void(bool heard)> record)> hear{};
    std::function<void()> on_unheard;  // the slicer cannot go on: the slice stays open
  };

  CompletionGate(std::uint16_t generation, Hooks hooks);

  // By its slicer.
  bool is_heard(const SliceKey& key) const;
  // What the slice was and what became of it. record: now, or once its slicer was told; or never, see on_unheard.
  void pass(const ActiveSlice& slice, SliceState state, const std::string& value, std::function<void()> record);

 private:
  const std::uint16_t generation_;
  const Hooks hooks_;
};

}  // namespace slicemill::controller
