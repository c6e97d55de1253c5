// What must hold at every moment, looked at from outside: from frames as they are sent, batches as they become durable,
// names as they become visible. A broken promise is a violation of the world and names its invariant.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "core/ledger/slice_ledger.h"
#include "core/wire/messages.h"
#include "tests/simulation/sim_files.h"
#include "tests/simulation/task_checks.h"
#include "tests/simulation/world.h"

namespace slicemill::simulation {

class Checks {
 public:
  explicit Checks(World& world) : world_(world) {}

  // Ledgers that tell what became durable. One store per process.
  std::unique_ptr<LedgerStore> ledgers_of(Process& process);

  void on_controller_start(const Process& process);
  void on_send(Process& from, std::string_view frame);
  void on_renamed(Process& process, const std::string& name, const std::string& content, bool replaced);
  void on_slice_begun(const Process& worker, const wire::SliceOrder& slice);

  // I8: a pause that was answered: no slice begins later than 100 ms after it. Only asked where frames are not held up.
  void paused(const std::string& ex_id);
  void not_paused(const std::string& ex_id) { paused_.erase(ex_id); }

  // Of a job of tasks.
  void expect_tasks(const TaskNode& root) { tasks_.emplace(world_, root); }
  TaskChecks* tasks() { return tasks_ ? &*tasks_ : nullptr; }

  std::uint64_t slices_begun() const { return begun_; }
  std::uint64_t outputs_published() const { return published_.size(); }

 private:
  class Ledger;
  class Store;
  // Of one execution.
  struct Durable {
    std::set<SliceKey> created;
    std::set<std::pair<std::uint64_t, std::uint64_t>> committed;  // bytes and checksum
    std::optional<LedgerOutcome> outcome;
    std::map<SliceKey, Attempt> dispatched;  // the latest attempt
    std::map<SliceKey, Attempt> committed_as;
    bool speculates = false;  // slices may be under way twice
    // Tries of slices that failed: as the ledger knows them, and as their workers said.
    std::map<SliceKey, std::uint64_t> noted_tries;
    std::map<SliceKey, std::uint64_t> failed_tries;
    struct FailedTry {
      Attempt attempt;
      pid_t worker = 0;
    };
    std::map<SliceKey, FailedTry> last_failed;
  };
  void loaded(const std::string& ex_id, const SliceLedger& ledger);
  void synced(const std::string& ex_id, const LedgerBatch& batch);
  void completed(const SliceKey& key);
  void note_row(Durable& durable, const OpenRow& row);
  void on_worker_sends(const Process& worker, std::string_view frame);
  void check_tries(Durable& durable, const wire::SliceOrder& slice, const Attempt& latest);

  World& world_;
  std::map<std::string, Durable> durable_;        // by execution
  std::map<std::string, std::string> published_;  // visible names and their contents
  std::map<std::string, Nanoseconds> paused_;     // since when
  std::set<SliceKey> ran_;                        // begun at least once; recoveries keep keys
  std::uint64_t begun_ = 0;
  std::optional<TaskChecks> tasks_;
};

}  // namespace slicemill::simulation
