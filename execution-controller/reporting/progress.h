// What the controller says of itself: its status, and the counters that `GET controller` shows. Pure; loop thread.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/ledger/slice_ledger.h"
#include "core/model/job_spec.h"
#include "core/runtime/clock.h"
#include "core/runtime/json.h"
#include "execution-controller/dispatch/dispatcher.h"
#include "execution-controller/reporting/analytics.h"
#include "execution-controller/reporting/progress_meter.h"

namespace slicemill::controller {

// How far an execution is. What cannot be known is nothing, and null in JSON.
struct Progress {
  std::optional<double> percent;
  std::uint64_t done = 0;  // settled, in the unit
  std::optional<std::uint64_t> total;
  std::string unit;  // "bytes", "records" or "slices"
  std::optional<double> records_per_second;
  std::optional<double> bytes_per_second;
  bool are_bytes_of_input = false;  // of the output otherwise
  std::optional<RemainingTime> remaining;
  std::optional<SlowestOperation> slowest;
  std::uint64_t workers = 0;  // connected
  std::uint64_t workers_wanted = 0;
  std::uint64_t failures = 0;  // slices that failed for good
};

// {percent, done, total, unit, rate, bytes_rate, bytes_of, eta, eta_low, eta_high, slowest: {op, order, share},
// workers, workers_wanted, failures}: docs/command-line.md.
Json progress_json(const Progress& progress);
// With one decimal, rounded down; below 100 as long as something is left.
double percent_of(std::uint64_t done, std::uint64_t total);

struct ProgressView {
  LedgerCounters counters;  // durable ones
  WorkerCounts workers;
  SpeculationCounts speculation;
  std::uint64_t queued = 0;
  std::uint64_t in_flight = 0;
  std::uint64_t slicers = 0;
  std::uint64_t wanted_workers = 0;
  WallMs started_ms = 0;
  WallMs queuing_complete_ms = 0;  // 0: not yet
  WallMs finished_ms = 0;          // 0: not yet
  Json obstacle{};                 // Obstacle::to_json()
  Json operations{};               // Analytics::to_json(); empty: nothing measured
  Progress progress{};
  Json first_error{};                  // first_error_json(); null: none
  std::vector<std::string> notices{};  // of the source
};

// Keys and meaning of the first dialect (reference, 4.8), plus ours: records_in, records_out, bytes_out, retries,
// refused, speculated, speculation_won, in_flight, obstacle, operations, progress, first_error, notices.
Json stats_json(const ProgressView& view);

// The error text of an execution that ended with failed slices. first: first_error_text(), "" if it is not known.
std::string failure_reason(const std::string& ex_id, std::uint64_t failed, const std::string& first = {});

// What an execution did, once it has ended.
struct SummaryView {
  std::string ex_id;
  const JobSpec& job;
  std::string status;
  std::string reason;
  WallMs created_ms = 0;  // of the ledger
  WallMs resumed_ms = 0;  // begin of this controller, if it is not the first one; 0
  WallMs ended_ms = 0;
  std::uint64_t records_before = 0;  // that earlier controllers read
  const ProgressView& view;
  std::vector<std::string> remarks;
};

// docs/command-line.md has its members. Bounded: lists are cut, and their last text says so.
Json summary_json(const SummaryView& summary);

}  // namespace slicemill::controller
