// Notices that an execution has no workers: none ever joined, or all have been gone for too long. Loop thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/model/launch.h"
#include "core/runtime/loop.h"
#include "core/runtime/result.h"
#include "execution-controller/dispatch/dispatcher.h"

namespace slicemill::controller {

class WorkerWatch {
 public:
  struct Hooks {
    std::function<WorkerCounts()> counts;
    std::function<bool()> excused;               // workers are not needed now (paused, ending)
    std::function<void(const Error&)> on_alone;  // once
    std::function<void()> on_change;             // reason() says something else
  };

  WorkerWatch(Loop& loop, std::string ex_id, const ExecutionSettings& settings, Hooks hooks);

  void begin();
  // "No worker is connected since <time>" once that has lasted a few seconds while workers are needed; "" otherwise.
  std::string reason() const;

 private:
  void look();
  void tell(SteadyTime now);

  Loop& loop_;
  std::string ex_id_;
  const ExecutionSettings& settings_;
  Hooks hooks_;
  SteadyTime seen_;      // when workers were there last, or not needed
  WallMs alone_ms_ = 0;  // since when there are none, once it is to be said; 0: nothing is to be said
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace slicemill::controller
