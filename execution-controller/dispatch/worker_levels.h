// WHAT A WORKER IS TOLD UNTIL IT OBEYS. Loop thread.
//
// A message that ends a wait may be lost: the worker's buffer was full, or the connection broke. So each of them is a
// level that is kept here: acknowledgements, leaving, recalls, revoked attempts, the log level, and how many workers
// may stay. A heartbeat says what the worker knows; what it does not know is told again, at the next frame that comes
// from it if its buffer was full. What heartbeats cannot repair, because slices are missing on one side, the next Hello
// does.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/runtime/loop.h"
#include "core/wire/messages.h"
#include "execution-controller/dispatch/worker_table.h"

namespace slicemill::controller {

class WorkerLevels {
 public:
  struct Hooks {
    std::function<void(std::function<void()>)> after_recorded;          // once all that was told so far is durable
    std::function<std::vector<wire::HeldSlice>(WorkerNumber)> revoked;  // attempts that it is to let go of
  };
  struct Options {
    std::uint64_t epoch = 1;
    std::int64_t beat_ms = 1'000;
    std::string log_level = "info";
  };

  WorkerLevels(Loop& loop, WorkerTable& workers, Options options, Hooks hooks);

  // After a Welcome: one that was on its way out, or that is one too many, is told to leave.
  void greet(Worker& worker);
  // Once all that was told so far is durable: the worker then forgets its results up to this number.
  void acknowledge(const Worker& worker, std::uint64_t seq);
  // All but so many of its waiting slices are to come back.
  void recall(Worker& worker, std::uint64_t keep);
  void revoke(Worker& worker, const wire::HeldSlice& attempt);
  void dismiss(Worker& worker);
  // Later ones too.
  void dismiss_all();
  // So many may stay; those beyond are asked to go, idle ones first, whoever comes and whenever. 0: as many as come.
  void set_wanted(std::uint64_t wanted);
  void set_log_level(const std::string& level);
  const std::string& log_level() const { return options_.log_level; }
  void on_heartbeat(Worker& worker, const wire::Heartbeat& heartbeat);
  // If its buffer was full before.
  void tell_missed(Worker& worker);

 private:
  void tell(Worker& worker, const wire::Message& level);
  void tell_revoked(Worker& worker);
  void dismiss_surplus();

  Loop& loop_;
  WorkerTable& workers_;
  Options options_;
  const Hooks hooks_;
  bool dismissing_ = false;
  std::uint64_t wanted_ = 0;  // 0: as many as come
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace slicemill::controller
