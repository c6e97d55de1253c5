// What is known of how far an execution is and what it did: numbers, not a document. A controller reports it, the
// registry keeps it, dialects and the command line show it.
//
// One description says what there is: SliceCounters are counted in the ledger, and `kSliceCounters` names each of them
// for the ledger's rows, the messages of core/wire, documents and metrics. Pure, any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/runtime/clock.h"
#include "core/runtime/result.h"

namespace slicemill {

// Of one execution. They restart at 0 in a recovery.
struct SliceCounters {
  std::uint64_t processed = 0;  // successes plus failures
  std::uint64_t failed = 0;
  std::uint64_t records_in = 0;
  std::uint64_t records_out = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t retries = 0;
  std::uint64_t refused = 0;  // stale results turned away (I3)
  std::uint64_t subslices = 0;
  std::uint64_t quarantined = 0;  // records
  bool operator==(const SliceCounters&) const = default;
};

struct SliceCounterField {
  std::string_view name;
  std::uint64_t SliceCounters::*value;
};

// In the order in which they are stored and sent. Append only.
inline constexpr std::array kSliceCounters = {
    SliceCounterField{"processed", &SliceCounters::processed},
    SliceCounterField{"failed", &SliceCounters::failed},
    SliceCounterField{"records_in", &SliceCounters::records_in},
    SliceCounterField{"records_out", &SliceCounters::records_out},
    SliceCounterField{"bytes_out", &SliceCounters::bytes_out},
    SliceCounterField{"retries", &SliceCounters::retries},
    SliceCounterField{"refused", &SliceCounters::refused},
    SliceCounterField{"subslices", &SliceCounters::subslices},
    SliceCounterField{"quarantined", &SliceCounters::quarantined},
};

// What one operation did for completed slices.
struct OperationTotals {
  std::uint64_t records = 0;  // that it gave on
  std::uint64_t bytes = 0;    // of these records
  std::uint64_t time_ns = 0;  // of the measured slices only
  bool operator==(const OperationTotals&) const = default;
};

struct WorkerCounts {
  std::uint64_t connected = 0;  // now
  std::uint64_t active = 0;     // of these: they have at least one lease
  std::uint64_t joined = 0;     // this and the following since this controller began
  std::uint64_t reconnected = 0;
  std::uint64_t disconnected = 0;
  bool operator==(const WorkerCounts&) const = default;
};

struct SpeculationCounts {
  std::uint64_t begun = 0;  // second attempts
  std::uint64_t won = 0;    // of these: delivered before the first attempt
  bool operator==(const SpeculationCounts&) const = default;
};

struct OperationStats {
  std::string op;
  std::uint64_t order = 0;                  // in the job
  std::uint64_t slices = 0;                 // completed ones that were counted
  std::uint64_t measured = 0;               // of these, with their time
  std::optional<std::uint64_t> records_in;  // nothing: it reads
  OperationTotals totals{};
  std::optional<double> share;  // 0 to 1, of the time of all; nothing: none was measured
  bool operator==(const OperationStats&) const = default;
};

// Seconds.
struct RemainingTime {
  double expected = 0;
  double low = 0;
  double high = 0;
  bool operator==(const RemainingTime&) const = default;
};

// The operation that takes most of the time, and its part of it.
struct SlowestOperation {
  std::string op;
  std::uint64_t order = 0;
  double share = 0;  // 0 to 1
  bool operator==(const SlowestOperation&) const = default;
};

// How far an execution is. What cannot be known is nothing.
struct Progress {
  std::optional<double> percent;
  std::uint64_t done = 0;  // settled, in the unit
  std::optional<std::uint64_t> total;
  std::string unit = "slices";  // or "bytes", "records"
  std::optional<double> records_per_second;
  std::optional<double> bytes_per_second;
  bool are_bytes_of_input = false;  // of the output otherwise
  std::optional<RemainingTime> remaining;
  std::optional<SlowestOperation> slowest;
  std::uint64_t workers = 0;  // connected
  std::uint64_t workers_wanted = 0;
  std::uint64_t failures = 0;  // slices that failed for good
  bool operator==(const Progress&) const = default;
};

// The same of an execution that does not get on now.
Progress without_rates(Progress progress);

// Why an execution cannot go on though nobody is at fault.
struct ObstacleView {
  std::string where;  // "output", "ledger", or "other system"
  std::string reason;
  WallMs since = 0;
  std::uint64_t tries = 0;
  bool operator==(const ObstacleView&) const = default;
};

struct ByteRange {
  std::uint64_t from = 0;
  std::uint64_t to = 0;  // behind the last byte
  bool operator==(const ByteRange&) const = default;
};

// The first thing that went wrong with the records. Texts are cut, and have nothing that acts on a terminal.
struct FirstErrorView {
  std::string error;
  std::string file;  // "": not known
  std::optional<ByteRange> bytes;
  std::string place;                  // "": not known
  std::optional<std::string> record;  // nothing: not known
  std::uint64_t slicer = 0;
  std::uint64_t order = 0;
  bool is_quarantined = false;
  bool operator==(const FirstErrorView&) const = default;
};

// What is known of an execution only once it has ended.
struct RunSummary {
  std::string ex_id;
  std::string name;
  std::string status;
  std::string reason;  // in plain words
  WallMs created = 0;
  std::optional<WallMs> resumed;  // begin of the last controller, if it is not the first one
  WallMs ended = 0;
  std::uint64_t records_before = 0;  // that earlier controllers read
  std::vector<std::string> remarks;
  std::optional<std::string> output;  // the path of the last operation
  bool operator==(const RunSummary&) const = default;
};

struct Stats {
  SliceCounters slices;  // durable ones
  WorkerCounts workers;
  SpeculationCounts speculation;
  std::uint64_t queued = 0;
  std::uint64_t in_flight = 0;
  std::uint64_t slicers = 0;
  WallMs started = 0;                      // of the controller
  std::optional<WallMs> queuing_complete;  // nothing: not yet
  std::optional<WallMs> finished;          // nothing: not yet
  std::optional<ObstacleView> obstacle;
  std::vector<OperationStats> operations;  // in the job's order; empty: nothing measured
  Progress progress;
  std::optional<FirstErrorView> first_error;
  std::vector<std::string> notices;  // of the source; few: what is cut says so
  std::optional<RunSummary> summary;
  bool operator==(const Stats&) const = default;
};

// Sums over controllers since the master's start; `queued` is a level.
struct ClusterCounters {
  std::int64_t processed = 0;
  std::int64_t failed = 0;
  std::int64_t queued = 0;
  std::int64_t run_seconds = 0;  // of executions that have ended
  std::int64_t workers_joined = 0;
  std::int64_t workers_disconnected = 0;
  std::int64_t workers_reconnected = 0;
  bool operator==(const ClusterCounters&) const = default;
};

// From its start to its end in whole seconds, at least one; nothing: it has not ended.
std::optional<WallMs> run_seconds(const Stats& stats);

// As the registry keeps them: with a version, so that what an older program stored can be read. Executions of programs
// before that have a JSON object of theirs, which is read too, as far as it says something.
std::string encode_stats(const Stats& stats);
// corrupt: these bytes are no stats, or of a newer program.
Result<Stats> decode_stats(std::string_view bytes);

}  // namespace slicemill
