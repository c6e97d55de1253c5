// The failed slices, the tries and the quarantined records of executions: a live execution's controller is asked, an
// ended one's ledger is read; filtered, sorted and cut here.
//
// Loop thread; ledgers are read on the `query` executor. A ledger whose controller is just leaving is tried again for a
// few seconds.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "core/model/commands.h"
#include "core/runtime/loop.h"
#include "master/executions/executions.h"
#include "master/lists/record_page.h"

namespace slicemill::master {

class SliceErrors {
 public:
  SliceErrors(Loop& loop, Registry& registry, Executions& executions, const JobDialect& dialect);

  // Latest change first, unless the query says otherwise. not_found: no such execution. unavailable: its controller or
  // ledger cannot be reached now.
  void of_execution(const ExecutionId& id, const RecordQuery& query, Reply<std::vector<Json>> reply);
  // Of all executions that have failed slices, at most kMostExecutions of them. Without a sort: the execution that
  // changed last comes first, in each the slice that changed last.
  void of_all(const RecordQuery& query, Reply<std::vector<Json>> reply);
  static constexpr std::int64_t kMostExecutions = 1'000;
  // The quarantined records, in the order of slices.
  void quarantine_of(const ExecutionId& id, const RecordQuery& query, Reply<std::vector<Json>> reply);
  // The tries of slices that keep a history, in the order of slices.
  void tries_of(const ExecutionId& id, const RecordQuery& query, Reply<std::vector<Json>> reply);

 private:
  // A list under way: the executions that are still to be read, and what was found.
  struct Reading;

  void of_one(wire::QueryName what, const ExecutionId& id, const RecordQuery& query, Reply<std::vector<Json>> reply);
  void read_next(const std::shared_ptr<Reading>& reading);
  void read_part(const std::shared_ptr<Reading>& reading);
  void take_part(const std::shared_ptr<Reading>& reading, Result<std::vector<Json>> records);
  Result<std::vector<std::string>> ledgers_after(const ExecutionRow& row) const;
  void read_ledger(const std::shared_ptr<Reading>& reading, int tries);

  Loop& loop_;
  Registry& registry_;
  Executions& executions_;
  const JobDialect& dialect_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace slicemill::master
