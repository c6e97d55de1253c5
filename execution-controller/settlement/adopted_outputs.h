// Whether what an attempt of an earlier controller staged is there still: that controller may have swept it. Asked
// before its result counts. Loop thread; the files are looked at on the publish executor.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "core/outputs/output_publisher.h"
#include "core/runtime/loop.h"
#include "core/wire/messages.h"
#include "execution-controller/dispatch/active_slice.h"

namespace slicemill::controller {

class AdoptedOutputs {
 public:
  // is_there: an error is nothing that was found out.
  using OnKnown = std::function<void(ActiveSlice, const wire::SliceResult&, const Result<bool>& is_there)>;

  // publisher: nullptr if nothing is staged.
  AdoptedOutputs(Loop& loop, OutputPublisher* publisher, std::uint64_t epoch, OnKnown on_known);

  bool must_look(const wire::SliceResult& result) const {
    return publisher_ != nullptr && result.output.present && result.attempt.epoch < epoch_;
  }
  void look(ActiveSlice slice, const wire::SliceResult& result);
  // Runs once nothing is looked for any more; at once if nothing is.
  void after_known(std::function<void()> then);

 private:
  Loop& loop_;
  OutputPublisher* const publisher_;
  const std::uint64_t epoch_;
  const OnKnown on_known_;
  std::size_t looks_ = 0;
  std::vector<std::function<void()>> waiting_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace slicemill::controller
