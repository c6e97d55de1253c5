// WHO PAYS FOR A DEATH. The one slice that a dead worker had begun waits for the cause, which only the worker's parent
// knows: a worker that was told to end costs its slice nothing, any other death is charged to the slice. Loop thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/runtime/files.h"
#include "core/runtime/loop.h"
#include "core/runtime/process.h"
#include "execution-controller/dispatch/active_slice.h"

namespace slicemill::controller {

class CrashCharge {
 public:
  struct Hooks {
    std::function<void(ActiveSlice)> on_free;                             // charged nothing
    std::function<void(ActiveSlice, const std::string& cause)> on_crash;  // charged
    std::function<void()> on_told;  // a cause came, and a slice that waited for it went its way
  };
  CrashCharge(Loop& loop, Hooks hooks) : loop_(loop), hooks_(std::move(hooks)) {}

  // `exit`: as far as it is known here. If it is not, the slice waits up to a second for told().
  void charge(ActiveSlice slice, pid_t pid, const ProcessExit& exit);
  // From the parent of a dead worker, before or after charge().
  void told(std::int64_t pid, const std::string& cause);

  std::size_t waiting() const { return waiting_.size(); }
  std::vector<ActiveSlice> take_all();

 private:
  struct Waiting {
    ActiveSlice slice;
    Loop::TimerId timer = 0;
  };

  Loop& loop_;
  const Hooks hooks_;
  std::map<std::int64_t, Waiting> waiting_;     // by pid
  std::map<std::int64_t, std::string> causes_;  // by pid, told before we saw the death
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

// Workers that died with an earlier controller, or before it was replaced: their markers are removed, and `charge` is
// called for what they had begun under an epoch before this one. monitor: nullptr if workers are threads of this
// process: nothing is charged.
void charge_the_dead(const std::string& marker_directory, ProcessMonitor* monitor, Files& files, std::uint64_t epoch,
                     const std::function<void(const SliceKey&, const Attempt&)>& charge);

}  // namespace slicemill::controller
