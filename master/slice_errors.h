// The failed slices of executions, newest first: a live execution's controller is asked, an ended one's ledger is read.
//
// Loop thread; ledgers are read on the `query` lane. A ledger whose controller is just leaving is tried again for a few
// seconds.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "core/model/commands.h"
#include "core/runtime/loop.h"
#include "master/executions.h"

namespace slicemill::master {

class SliceErrors {
 public:
  SliceErrors(Loop& loop, Registry& registry, Executions& executions);

  // not_found: no such execution. unavailable: its controller or ledger cannot be reached now.
  void of_execution(const ExecutionId& id, std::int64_t from, std::int64_t size, Reply<std::vector<Json>> reply);
  // Of all executions that have failed slices, at most kMostExecutions of them: newest execution first, newest slice
  // first in each.
  void of_all(std::int64_t from, std::int64_t size, Reply<std::vector<Json>> reply);
  static constexpr std::int64_t kMostExecutions = 1'000;

 private:
  struct Collection;

  void read_ledger(const ExecutionId& id, std::int64_t from, std::int64_t size, int tries,
                   Reply<std::vector<Json>> reply);
  void collect(const std::shared_ptr<Collection>& collection);

  Loop& loop_;
  Registry& registry_;
  Executions& executions_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace slicemill::master
