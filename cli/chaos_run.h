// One execution of a master in this process, and the kills that its processes meet. Loop thread.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <set>
#include <vector>

#include "cli/chaos_plan.h"
#include "core/model/commands.h"
#include "core/runtime/ids.h"
#include "core/runtime/json.h"
#include "core/runtime/loop.h"
#include "core/runtime/result.h"

namespace slicemill::cli {

class ChaosRun {
 public:
  struct Outcome {
    ExecutionId ex_id;
    int workers_killed = 0, controllers_killed = 0;
    std::chrono::milliseconds worked{0};  // from `running` to the end; 0: it never ran
    int kills() const { return workers_killed + controllers_killed; }
  };
  using Done = std::function<void(Result<Outcome>)>;

  ChaosRun(Loop& loop, JobService& service, const ChaosPlan& plan) : loop_(loop), service_(service), plan_(plan) {}

  // Submits the job; done once its execution has ended and all processes of it are gone. One run at a time.
  void run(Json job, std::vector<ChaosKill> kills, Done done);
  // done is not called any more.
  void give_up() { done_ = nullptr; }

 private:
  struct Process {
    pid_t pid;
    bool is_controller;
  };

  void finish(const Result<Outcome>& outcome);
  void look();
  void observe(ExecutionStatus status);
  void kill_due();
  void measure();
  std::vector<Process> processes(bool victims);

  Loop& loop_;
  JobService& service_;
  const ChaosPlan& plan_;
  std::vector<ChaosKill> kills_;
  std::size_t next_ = 0;  // of kills_
  std::optional<SteadyTime> running_since_;
  std::set<pid_t> killed_;
  bool ended_ = false;
  Outcome outcome_;
  Done done_;
};

}  // namespace slicemill::cli
