// When a process that died is started again: at once, later, or not any more. Pure.
#pragma once

#include <optional>

#include "core/runtime/clock.h"

namespace slicemill::master {

class RestartPolicy {
 public:
  struct Options {
    Duration short_life;     // a process that lived less counts as a failed start
    bool first_at_once;      // the first failed start is no reason to wait yet
    Duration first_delay;    // doubles with each further failed start in a row ...
    Duration longest_delay;  // ... up to this
    int budget;              // failed starts in a row after which it is given up; 0: never
  };

  explicit RestartPolicy(const Options& options) : options_(options) {}

  // The process lived for `life`. How long to wait before the next start; nothing: the budget is used up.
  std::optional<Duration> on_exit(Duration life);
  int failed_starts() const { return failed_starts_; }

 private:
  Options options_;
  int failed_starts_ = 0;
};

}  // namespace slicemill::master
