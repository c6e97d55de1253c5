// Whether an execution counts as failing: from its first failed slice on. A persistent execution is well again after a
// window without new failures and with progress; any other after a pause and a resume. Loop thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "core/model/job_spec.h"
#include "core/model/stats.h"
#include "core/runtime/loop.h"

namespace slicemill::controller {

class Probation {
 public:
  struct Hooks {
    std::function<SliceCounters()> counters;
    std::function<void()> on_over;  // a window has passed well
  };

  Probation(Loop& loop, const JobSpec& job, Hooks hooks);

  // A slice failed for good.
  void slice_failed();
  // A user resumed it.
  void end();
  bool is_failing() const { return failing_; }
  // Why (core/model/end_reason.h); "" if it is not failing.
  std::string reason() const;

 private:
  void begin_window();

  Loop& loop_;
  const std::chrono::milliseconds window_;
  const bool persistent_;
  const Hooks hooks_;
  bool failing_ = false;
  SliceCounters at_begin_;  // of the window
  Loop::TimerId timer_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace slicemill::controller
