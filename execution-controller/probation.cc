#include "execution-controller/probation.h"

#include <utility>

#include "core/model/end_reason.h"

namespace slicemill::controller {

Probation::Probation(Loop& loop, const JobSpec& job, Hooks hooks)
    : loop_(loop), window_(job.probation_ms), persistent_(job.persistent), hooks_(std::move(hooks)) {}

void Probation::slice_failed() {
  if (std::exchange(failing_, true)) return;
  if (persistent_) begin_window();
}

void Probation::end() {
  failing_ = false;
  loop_.cancel(timer_);
}

std::string Probation::reason() const {
  return failing_ ? to_text(SliceHasFailed{persistent_}) : std::string();
}

void Probation::begin_window() {
  at_begin_ = hooks_.counters();
  timer_ = loop_.after(window_, [this, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired()) return;
    const auto now = hooks_.counters();
    if (now.failed != at_begin_.failed || now.processed <= at_begin_.processed) {
      begin_window();
      return;
    }
    failing_ = false;
    hooks_.on_over();
  });
}

}  // namespace slicemill::controller
