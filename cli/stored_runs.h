// What executions without a master have left in a data directory, and taking it away. Blocks; main thread.
//
// What a master made there is the master's: its registry knows of it.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/model/execution.h"
#include "core/model/launch.h"
#include "core/runtime/clock.h"
#include "core/runtime/result.h"

namespace slicemill::cli {

struct StoredRun {
  std::string ex_id;
  std::vector<std::string> lineage;  // oldest first, itself at the end
  std::vector<std::string> staging;  // where its lineage keeps what is not published
  WallMs ended = 0;                  // 0: it has not
  std::uint64_t bytes = 0;           // of ledger and logs, if they were measured
  bool is_idle = false;              // its ledger was looked at: no process has it
  bool is_run = false;               // made without a master
};

class StoredRuns {
 public:
  // All ledgers of the directory, those that ended first at the beginning.
  static StoredRuns read(const DataLayout& layout, bool measures);

  const std::vector<StoredRun>& runs() const { return runs_; }
  // nullptr: there is none, or it is removed.
  const StoredRun* find(const std::string& ex_id) const;
  // An execution that this one went on from and that is still there: it would be taken for unfinished without this one.
  std::optional<std::string> left_ancestor(const StoredRun& run) const;
  // Ledger and logs, and what was staged if no other one of the lineage is left. Published output stays.
  Result<void> remove(const StoredRun& run);

 private:
  explicit StoredRuns(const DataLayout& layout) : layout_(layout) {}

  DataLayout layout_;
  std::vector<StoredRun> runs_;
  std::set<std::string> left_;
  std::multiset<std::string> staging_;
};

}  // namespace slicemill::cli
