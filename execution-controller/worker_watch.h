// Notices that an execution has no workers: none ever joined, or all have been gone for too long. Loop thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/model/launch.h"
#include "core/runtime/loop.h"
#include "core/runtime/result.h"
#include "execution-controller/dispatcher.h"

namespace slicemill::controller {

class WorkerWatch {
 public:
  struct Hooks {
    std::function<WorkerCounts()> counts;
    std::function<bool()> excused;               // workers are not needed now (paused, ending)
    std::function<void(const Error&)> on_alone;  // once
  };

  WorkerWatch(Loop& loop, std::string ex_id, const ExecutionSettings& settings, Hooks hooks);

  void begin();

 private:
  void look();

  Loop& loop_;
  std::string ex_id_;
  const ExecutionSettings& settings_;
  Hooks hooks_;
  SteadyTime seen_;  // when workers were there last, or not needed
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace slicemill::controller
