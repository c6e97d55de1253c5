// What a run did, told at its end. Pure functions; any thread.
#pragma once

#include <chrono>
#include <string>

#include "core/ledger/slice_ledger.h"
#include "core/model/execution.h"
#include "core/runtime/json.h"

namespace slicemill::cli {

// The first line, and the whole if no more is wanted.
std::string closing_line(const std::string& ex_id, ExecutionStatus status, const SliceCounters& counters,
                         std::chrono::milliseconds took, const std::string& output);

// The lines behind it: records and time of each step, what was left out, what is quarantined, the first error. summary:
// the controller's (docs/command-line.md).
std::string summary_text(const Json& summary);

}  // namespace slicemill::cli
