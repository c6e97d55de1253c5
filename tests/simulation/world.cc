#include "tests/simulation/world.h"

#include <algorithm>

#include <fmt/core.h>

#include "core/runtime/log.h"

namespace slicemill::simulation {

// ---- the loop of one process ----------------------------------------------------------------------------------------

namespace {
constexpr Nanoseconds kPostDelay = 200;  // time passes, so that a task which posts itself for ever is seen
}

SteadyTime ProcessLoop::now() const {
  return SteadyTime(Duration(world_.now()));
}

WallMs ProcessLoop::wall_ms() const {
  return world_.wall_ms();
}

std::uint64_t ProcessLoop::random() {
  return world_.random();
}

Loop::TimerId ProcessLoop::after(Duration delay, Task task) {
  return world_.at(world_.now() + std::max<Nanoseconds>(delay.count(), kPostDelay), &process_, std::move(task));
}

void ProcessLoop::cancel(TimerId timer) {
  world_.cancel(timer);
}

void ProcessLoop::post(Task task) {
  world_.at(world_.now() + kPostDelay, &process_, std::move(task));
}

// Disks and databases take their time, and some times a long one.
void ProcessLoop::offload(Executor executor, Task work, Task done) {
  if (executor == Executor::slicer) ++world_.slicer_turns_;
  auto& free = executor_free_[static_cast<std::size_t>(executor)];
  const Nanoseconds takes = world_.chance(0.02) ? world_.between(5 * kMillisecond, 120 * kMillisecond)
                                                : world_.between(20 * kMicrosecond, 2 * kMillisecond);
  free = std::max(free, world_.now()) + takes;
  world_.at(free, &process_, [this, work = std::move(work), done = std::move(done)]() mutable {
    work();
    work = nullptr;
    if (done) post(std::move(done));
  });
}

std::string_view to_string(ProcessKind kind) {
  switch (kind) {
    case ProcessKind::user:
      return "user";
    case ProcessKind::master:
      return "master";
    case ProcessKind::controller:
      return "controller";
    case ProcessKind::worker:
      return "worker";
  }
  return "?";
}

// ---- the world ------------------------------------------------------------------------------------------------------

World::World(std::uint64_t seed) : random_(seed) {}

World::~World() {
  end();
}

void World::end() {
  queue_.clear();
  due_.clear();
  stopped_.clear();
  // Children before their parents, as they were created.
  for (auto process = processes_.rbegin(); process != processes_.rend(); ++process) {
    (*process)->alive = false;
    (*process)->body.reset();
  }
}

Nanoseconds World::between(Nanoseconds low, Nanoseconds high) {
  return low + static_cast<Nanoseconds>(below(static_cast<std::uint64_t>(high - low + 1)));
}

bool World::chance(double probability) {
  return static_cast<double>(random_() >> 11) * 0x1.0p-53 < probability;
}

std::uint64_t World::at(Nanoseconds time, Process* process, Loop::Task task) {
  const std::uint64_t id = next_event_++;
  if (process != nullptr && !process->alive) return id;
  queue_.emplace(std::pair(time, id), Event{process, std::move(task)});
  due_.emplace(id, time);
  return id;
}

void World::cancel(std::uint64_t event) {
  const auto found = due_.find(event);
  if (found == due_.end()) return;
  queue_.erase(std::pair(found->second, event));
  due_.erase(found);
}

void World::run(Event& event) {
  if (event.process != nullptr && !event.process->alive) return;
  if (event.process != nullptr && event.process->stopped) {
    stopped_[event.process->pid].push_back(std::move(event));
    return;
  }
  ++events_;
  current_ = event.process;
  event.task();
  event.task = nullptr;  // what it captured dies while its process is still the current one
  current_ = nullptr;
}

bool World::run_until(Nanoseconds time, const std::function<bool()>& predicate) {
  while (violated_.empty() && !queue_.empty() && queue_.begin()->first.first <= time) {
    auto next = queue_.extract(queue_.begin());
    now_ = std::max(now_, next.key().first);
    due_.erase(next.key().second);
    run(next.mapped());
    bury();
    if (predicate()) return true;
  }
  if (violated_.empty()) now_ = std::max(now_, time);
  return false;
}

Process& World::spawn(ProcessKind kind, Process* parent, std::string execution) {
  const auto pid = static_cast<pid_t>(processes_.size() + 100);
  processes_.push_back(std::make_unique<Process>(*this, kind, pid));
  Process& process = *processes_.back();
  process.parent = parent;
  process.execution = std::move(execution);
  process.born_at = now_;
  note(to_string(kind));
  note(static_cast<std::uint64_t>(pid));
  return process;
}

Process* World::find(const ProcessIdentity& identity) {
  const auto index = static_cast<std::size_t>(identity.pid - 100);
  if (identity.pid < 100 || index >= processes_.size()) return nullptr;
  Process* process = processes_[index].get();
  return process->alive && process->identity() == identity ? process : nullptr;
}

std::vector<Process*> World::living(ProcessKind kind) const {
  std::vector<Process*> list;
  for (const auto& process : processes_)
    if (process->alive && process->kind == kind) list.push_back(process.get());
  return list;
}

void World::kill(Process& process, int signal, int code) {
  if (!process.alive) return;
  log(LogLevel::info, "---- {:.6f} s: {} {} dies ({})", static_cast<double>(now_) / kSecond, to_string(process.kind),
      process.pid, ProcessExit{true, code, signal}.to_text());
  note("death");
  note(static_cast<std::uint64_t>(process.pid));
  process.alive = false;
  process.died_at = now_;
  process.exit = {true, code, signal};
  stopped_.erase(process.pid);
  for (const auto& other : processes_)
    if (other->parent == &process) other->parent = nullptr;
  to_bury_.push_back(&process);
  if (current_ == nullptr) bury();
}

void World::bury() {
  while (!to_bury_.empty()) {
    Process& process = *to_bury_.back();
    to_bury_.pop_back();
    if (on_death) on_death(process);
    current_ = &process;
    process.body.reset();
    current_ = nullptr;
    std::erase_if(watched_, [&](const Watched& watched) { return watched.owner == &process; });
    for (const auto& watched : watched_) {
      if (watched.pid != process.pid) continue;
      const ProcessExit seen = process.parent == watched.owner ? process.exit : ProcessExit{};
      at(now_ + between(100 * kMicrosecond, 3 * kMillisecond), watched.owner, [on_exit = watched.on_exit, seen] {
        if (const auto call = on_exit.lock()) (*call)(seen);
      });
    }
    std::erase_if(watched_, [&](const Watched& watched) { return watched.pid == process.pid; });
  }
}

void World::resume(Process& process) {
  process.stopped = false;
  const auto waiting = stopped_.extract(process.pid);
  if (waiting.empty()) return;
  for (auto& event : waiting.mapped()) at(now_ + kPostDelay, event.process, std::move(event.task));
}

std::unique_ptr<ProcessWatch> World::watch(Process& owner, const ProcessIdentity& identity,
                                           std::function<void(ProcessExit)> on_exit) {
  class Watch final : public ProcessWatch {
   public:
    explicit Watch(std::shared_ptr<std::function<void(ProcessExit)>> call) : call_(std::move(call)) {}

   private:
    std::shared_ptr<std::function<void(ProcessExit)>> call_;
  };
  auto call = std::make_shared<std::function<void(ProcessExit)>>(std::move(on_exit));
  if (find(identity) != nullptr) {
    watched_.push_back({&owner, identity.pid, call});
  } else {
    at(now_ + kPostDelay, &owner, [weak = std::weak_ptr(call)] {
      if (const auto alive = weak.lock()) (*alive)(ProcessExit{});
    });
  }
  return std::make_unique<Watch>(std::move(call));
}

bool World::step(Process& process, std::string_view what) {
  if (!process.alive) return false;
  note(what);
  note(static_cast<std::uint64_t>(process.pid));
  if (on_step) on_step(process, what);
  return process.alive;
}

void World::note(std::string_view text) {
  for (const char c : text) trace_ = (trace_ ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
  note(static_cast<std::uint64_t>(now_));
}

void World::note(std::uint64_t number) {
  trace_ = (trace_ ^ number) * 0x9E3779B97F4A7C15ULL;
  trace_ ^= trace_ >> 29;
}

void World::violation(std::string text) {
  if (violated_.empty()) violated_ = fmt::format("at {:.6f} s: {}", static_cast<double>(now_) / kSecond, text);
}

}  // namespace slicemill::simulation
