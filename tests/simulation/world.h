// Virtual time, and the processes that live in it. One thread, one seed: what happens, and in which order, follows from
// the seed alone.
//
// Everything of production code that touches the world outside comes through here: each process has a Loop of its own
// (ProcessLoop), and each of its seams calls step() before and after it has an effect. step() is where a process may be
// killed; after that no seam of it has any effect, though its code still runs to the end of the current event.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/runtime/loop.h"
#include "core/runtime/process.h"

namespace slicemill::simulation {

using Nanoseconds = std::int64_t;
constexpr Nanoseconds kMicrosecond = 1'000;
constexpr Nanoseconds kMillisecond = 1'000'000;
constexpr Nanoseconds kSecond = 1'000'000'000;

class World;
class Process;

class ProcessLoop final : public Loop {
 public:
  ProcessLoop(World& world, Process& process) : world_(world), process_(process) {}
  SteadyTime now() const override;
  WallMs wall_ms() const override;
  std::uint64_t random() override;
  TimerId after(Duration delay, Task task) override;
  void cancel(TimerId timer) override;
  void post(Task task) override;
  void offload(Executor executor, Task work, Task done) override;

 private:
  World& world_;
  Process& process_;
  std::array<Nanoseconds, kExecutors> executor_free_{};
};

enum class ProcessKind { user, master, controller, worker };
std::string_view to_string(ProcessKind kind);

class Process {
 public:
  Process(World& world, ProcessKind its_kind, pid_t its_pid) : kind(its_kind), pid(its_pid), loop(world, *this) {}

  ProcessIdentity identity() const { return {"simulated", pid, static_cast<std::uint64_t>(pid) * 7}; }

  const ProcessKind kind;
  const pid_t pid;
  std::string execution;  // controllers and workers: whose
  bool alive = true;
  bool stopped = false;  // SIGSTOP
  Nanoseconds born_at = 0;
  Nanoseconds died_at = 0;
  ProcessExit exit;             // once it is dead
  Process* parent = nullptr;    // only it learns the cause of death; nullptr if it is gone
  std::function<void()> leave;  // SIGTERM
  ProcessLoop loop;
  std::shared_ptr<void> body;  // destroyed as soon as the process is dead and its last event has returned
};

class World {
 public:
  explicit World(std::uint64_t seed);
  ~World();
  // Destroys what lives: before that on which it stands.
  void end();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // ---- chance ----
  std::uint64_t random() { return random_(); }
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  Nanoseconds between(Nanoseconds low, Nanoseconds high);
  bool chance(double probability);

  // How often a slicer was opened or asked.
  std::uint64_t slicer_turns() const { return slicer_turns_; }

  // ---- time ----
  Nanoseconds now() const { return now_; }
  WallMs wall_ms() const { return wall_start_ + now_ / kMillisecond + wall_skew_ms_; }
  void jump_wall_clock(std::int64_t ms) { wall_skew_ms_ += ms; }
  // process: nullptr for the world itself. Events of the dead are forgotten, those of the stopped wait.
  std::uint64_t at(Nanoseconds time, Process* process, Loop::Task task);
  void cancel(std::uint64_t event);
  // Runs events until the predicate holds (asked after each), the time is reached or nothing is left. True: it holds.
  bool run_until(Nanoseconds time, const std::function<bool()>& predicate);

  // ---- processes ----
  Process& spawn(ProcessKind kind, Process* parent, std::string execution = "");
  Process* find(const ProcessIdentity& identity);  // living ones only
  Process* current() { return current_; }
  std::vector<Process*> living(ProcessKind kind) const;
  void kill(Process& process, int signal, int code = 0);
  void stop(Process& process) { process.stopped = true; }
  void resume(Process& process);
  // on_exit is called once on the owner's loop, unless the owner dies or the returned object is destroyed before.
  std::unique_ptr<ProcessWatch> watch(Process& owner, const ProcessIdentity& identity,
                                      std::function<void(ProcessExit)> on_exit);
  std::function<void(Process&)> on_death;  // before its body is destroyed

  // ---- steps ----
  // A seam of the process is about to act, or has acted. False: it is dead, and nothing may come of it.
  bool step(Process& process, std::string_view what);
  // May kill processes; set by the faults of a run.
  std::function<void(Process&, std::string_view what)> on_step;
  // Part of the trace: two runs of one seed must be equal in it.
  void note(std::string_view text);
  void note(std::uint64_t number);
  std::uint64_t trace() const { return trace_; }
  std::uint64_t events() const { return events_; }

  // A promise was broken: the first one counts.
  void violation(std::string text);
  const std::string& violated() const { return violated_; }

 private:
  friend class ProcessLoop;
  std::uint64_t slicer_turns_ = 0;
  struct Event {
    Process* process;
    Loop::Task task;
  };
  struct Watched {
    Process* owner;
    pid_t pid;
    std::weak_ptr<std::function<void(ProcessExit)>> on_exit;
  };
  void run(Event& event);
  void bury();

  std::mt19937_64 random_;
  Nanoseconds now_ = 0;
  WallMs wall_start_ = 1'700'000'000'000;
  std::int64_t wall_skew_ms_ = 0;
  std::uint64_t next_event_ = 1;
  std::map<std::pair<Nanoseconds, std::uint64_t>, Event> queue_;
  std::map<std::uint64_t, Nanoseconds> due_;  // of what is in the queue
  std::map<pid_t, std::vector<Event>> stopped_;
  std::deque<std::unique_ptr<Process>> processes_;  // the dead too: events may still point to them
  std::vector<Process*> to_bury_;
  std::vector<Watched> watched_;
  Process* current_ = nullptr;
  std::uint64_t trace_ = 0;
  std::uint64_t events_ = 0;
  std::string violated_;
};

}  // namespace slicemill::simulation
