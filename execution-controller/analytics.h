// What the operations of an execution cost: sums over the slices that completed since this controller started. Pure;
// loop thread. Its memory is one row per operation.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/runtime/json.h"
#include "core/wire/messages.h"

namespace slicemill::controller {

class Analytics {
 public:
  // job: the resolved execution document.
  explicit Analytics(const Json& job);

  // Failed slices, and results whose figures do not fit the job, do not count.
  void add(const wire::SliceResult& result);

  // [{op, order, slices, records, time_ms, bytes}] in the job's order; empty without a slice that was measured.
  Json to_json() const;
  // One line per operation with its averages over slices; none without a slice that was measured.
  std::vector<std::string> averages() const;

 private:
  struct Row {
    std::string op;
    wire::OperationFigures sum;
  };
  std::vector<Row> rows_;
  std::uint64_t slices_ = 0;
};

}  // namespace slicemill::controller
