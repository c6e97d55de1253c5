// A Launcher without processes: notes every order, and its processes die when the test says so.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/runtime/loop.h"
#include "master/processes/launcher.h"

namespace slicemill {

class FakeLauncher final : public master::Launcher {
 public:
  explicit FakeLauncher(Loop& loop) : loop_(loop) {}

  // What was asked, in order.
  std::vector<master::ControllerOrder> controllers;
  std::vector<master::WorkerOrder> workers;
  std::vector<std::pair<pid_t, int>> signals;
  // Settable: the next starts of a controller fail.
  int failing_starts = 0;
  // Settable: what controllers say at their end.
  std::string words;
  // SIGKILL ends a process at once; turned off, it stays until exit() is called.
  bool kills_work = true;

  void start_controller(const master::ControllerOrder& order, Started started) override {
    if (failing_starts > 0) {
      --failing_starts;
      started(Error{ErrorCode::io, "cannot start slicemill: No such file or directory"});
      return;
    }
    controllers.push_back(order);
    started(spawn());
  }

  void start_worker(const master::WorkerOrder& order, Started started) override {
    workers.push_back(order);
    started(spawn());
  }

  std::unique_ptr<ProcessWatch> watch(const ProcessIdentity& process,
                                      std::function<void(ProcessExit)> on_exit) override {
    auto state = std::make_shared<std::function<void(ProcessExit)>>(std::move(on_exit));
    if (living_.contains(process.pid)) {
      watches_[process.pid] = state;
    } else {
      deliver(state, ProcessExit{});
    }
    return std::make_unique<Watch>(std::move(state));
  }

  std::string last_words(const ProcessIdentity&, const std::string&) override { return words; }

  bool alive(const ProcessIdentity& process) override { return living_.contains(process.pid); }

  Result<void> signal(const ProcessIdentity& process, int signal_number) override {
    signals.emplace_back(process.pid, signal_number);
    if (!living_.contains(process.pid)) return Error{ErrorCode::not_found, "gone"};
    if (kills_work) exit(process.pid, ProcessExit{true, 0, signal_number});
    return {};
  }

  // ---- for tests ----
  void exit(pid_t pid, const ProcessExit& how) {
    ASSERT_EQ(living_.erase(pid), 1U) << "no such process: " << pid;
    const auto watched = watches_.find(pid);
    if (watched == watches_.end()) return;
    if (auto state = watched->second.lock()) deliver(state, how);
    watches_.erase(watched);
  }
  static ProcessIdentity identity(pid_t pid) { return {"boot", pid, static_cast<std::uint64_t>(pid) * 10}; }
  pid_t last_pid() const { return next_pid_ - 1; }
  std::size_t living() const { return living_.size(); }
  // A process that somebody else started.
  ProcessIdentity spawn() {
    const pid_t pid = next_pid_++;
    living_[pid] = true;
    return identity(pid);
  }

 private:
  using Callback = std::function<void(ProcessExit)>;

  struct Watch final : ProcessWatch {
    explicit Watch(std::shared_ptr<Callback> s) : state(std::move(s)) {}
    std::shared_ptr<Callback> state;
  };

  void deliver(const std::shared_ptr<Callback>& state, const ProcessExit& how) {
    loop_.post([weak = std::weak_ptr<Callback>(state), how] {
      const auto still = weak.lock();
      if (!still) return;
      const Callback callback = *still;
      callback(how);
    });
  }

  Loop& loop_;
  pid_t next_pid_ = 1001;
  std::map<pid_t, bool> living_;
  std::map<pid_t, std::weak_ptr<Callback>> watches_;
};

}  // namespace slicemill
