// What `slicemill run` tells while it runs (standard error) and when it has ended. Loop thread.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "core/ledger/slice_ledger.h"
#include "core/model/execution.h"

namespace slicemill::cli {

class RunProgress {
 public:
  // A terminal gets one line that is written over; anything else a line every five seconds.
  explicit RunProgress(bool terminal) : terminal_(terminal), shown_(std::chrono::steady_clock::now()) {}

  void show(std::string_view status, std::string_view stats);
  void end();  // leaves the terminal's cursor at the start of an empty line

 private:
  bool terminal_;
  bool line_open_ = false;
  std::chrono::steady_clock::time_point shown_;
};

// "running: 120 slices done, 2 failed, 4 queued, 100,000 records in, 90,000 out"; stats as the controller reports them.
std::string progress_text(std::string_view status, std::string_view stats);

std::string closing_summary(const std::string& ex_id, ExecutionStatus status, const LedgerCounters& counters,
                            std::chrono::milliseconds took, const std::string& output);

// "1,234,567".
std::string grouped(std::uint64_t number);

}  // namespace slicemill::cli
