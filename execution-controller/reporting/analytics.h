// What the operations of an execution did and cost: sums over its completed slices, which go on in the ledger. Pure;
// loop thread. Its memory is one row per operation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/ledger/slice_ledger.h"
#include "core/model/job_spec.h"
#include "core/model/stats.h"
#include "core/wire/messages.h"

namespace slicemill::controller {

class Analytics {
 public:
  // before: what earlier controllers of the execution counted; figures that do
  // not fit the job are left out.
  explicit Analytics(const JobSpec& job, const LedgerFigures& before = {});

  // Failed slices, and results whose figures do not fit the job, do not count.
  void add(const wire::SliceResult& result);
  // Writes its sums into the ledger's figures.
  void put(LedgerFigures& figures) const;

  // In the job's order; empty without a slice that was counted.
  std::vector<OperationStats> operations() const;
  std::optional<SlowestOperation> slowest() const;
  // One line per operation with its averages over slices; none without a slice that was counted.
  std::vector<std::string> averages() const;

 private:
  std::optional<std::uint64_t> records_into(std::size_t operation) const;

  std::vector<std::string> ops_;
  std::vector<std::vector<std::size_t>> inputs_;  // by operation
  std::vector<OperationTotals> sums_;             // by operation
  std::uint64_t slices_ = 0;
  std::uint64_t measured_ = 0;
};

}  // namespace slicemill::controller
