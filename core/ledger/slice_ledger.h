// The slice ledger: what became of every slice of one execution. The seam, and its promises.
//
// One writer: the execution controller (or `run`). All members are for the loop thread unless they say otherwise. A
// batch is atomic and batches are durable in the order in which they were written; `synced` is called on the loop
// thread after the fsync, never before (I5). Size follows what is open: done slices are merged intervals, creations of
// settled runs are deleted.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/model/execution.h"
#include "core/model/output_facts.h"
#include "core/model/quarantine.h"
#include "core/model/remark.h"
#include "core/model/slice.h"
#include "core/model/stats.h"
#include "core/runtime/clock.h"
#include "core/runtime/loop.h"
#include "core/runtime/result.h"

namespace slicemill {

// A slice that failed for good, was in flight at a clean stop, or lost an attempt: it left its run.
struct OpenRow {
  SliceKey key;
  SliceState state = SliceState::error;  // error, or start
  std::uint16_t settled_in =
      0;  // generation of the execution that wrote the row: older error rows are a recovery's to replay
  std::uint32_t retries = 0;  // tries after the first
  std::uint32_t crashes = 0;  // worker deaths charged to it
  WallMs created_ms = 0;
  WallMs updated_ms = 0;
  std::string request;
  std::string error;
  bool operator==(const OpenRow&) const = default;
};

struct CommittedOutput {
  SliceKey key;
  Attempt attempt;
  OutputFacts facts;
  bool operator==(const CommittedOutput&) const = default;
};

// A quarantined record is named by the slice that it was in and a number there.
struct QuarantinePlace {
  SliceKey slice;
  std::uint32_t number = 0;
  auto operator<=>(const QuarantinePlace&) const = default;
};

struct QuarantineRow {
  QuarantinePlace at;
  std::uint16_t settled_in = 0;  // generation of the execution that quarantined it
  WallMs at_ms = 0;
  QuarantinedRecord record;
  bool operator==(const QuarantineRow&) const = default;
};

// A try of a slice that ended, of slicers that keep a history.
struct SliceTry {
  enum class End : std::uint8_t { completed, failed, worker_died };

  SliceKey key;
  Attempt attempt;
  std::uint16_t settled_in = 0;  // generation of the execution in which it ended
  End end = End::completed;
  WallMs began_ms = 0;
  WallMs ended_ms = 0;
  std::string place;   // of the slice, in the words of its slicer: "1.0.2"
  std::string name;    // what people call the slice
  std::string worker;  // "": not known
  std::string value;   // of a completed one
  std::string error;   // of others
  bool operator==(const SliceTry&) const = default;
};

// How far the source is done, and what the operations did. Absolute values, written in the same batch as what they
// count. Extents are in the source's unit (SliceRun::extent); those of completed slices, and what the source has in
// all, go on in a recovery.
struct LedgerFigures {
  std::uint64_t completed_extent = 0;
  std::uint64_t failed_extent = 0;
  std::map<std::uint32_t, std::uint64_t> source_extents;  // by slicer, of those that know
  std::uint64_t slices = 0;                               // completed ones, of which the operations told
  std::uint64_t measured_slices = 0;                      // with their time
  std::vector<OperationTotals> operations;                // in the job's order; empty: the job does not want them
  bool operator==(const LedgerFigures&) const = default;
};

enum class WantedState : std::uint8_t { running, paused, stopping };

struct LedgerOutcome {
  ExecutionStatus status = ExecutionStatus::completed;  // terminal
  std::string reason;
  WallMs at_ms = 0;
  bool operator==(const LedgerOutcome&) const = default;
};

// Joined output (single_file): joined(facts) is synced before the rename, published after it.
struct JoinRecord {
  OutputFacts facts;
  bool published = false;
  bool operator==(const JoinRecord&) const = default;
};

struct SlicerPosition {
  std::string position;  // the slicer's own text; "" = at the beginning
  bool finished = false;
  std::uint64_t highest_order = 0;  // in the present generation
  bool operator==(const SlicerPosition&) const = default;
};

// Slices of one slicer with consecutive orders, all whole.
struct SettledRange {
  std::uint16_t generation = 0;
  std::uint32_t slicer = 0;
  std::uint64_t first = 0;
  std::uint64_t last = 0;  // inclusive
  std::uint64_t count() const { return last - first + 1; }
  bool operator==(const SettledRange&) const = default;
};

// One atomic group of facts.
struct LedgerBatch {
  std::vector<SliceRun> created;
  std::map<std::uint32_t, SlicerPosition> positions;  // by slicer
  std::vector<CommittedOutput> committed;
  std::vector<SliceKey> settled;             // completed, or error together with its row
  std::vector<SettledRange> settled_ranges;  // completed, without rows and outputs
  std::vector<OpenRow> rows;                 // put or replaced
  std::vector<SliceKey> erased_rows;         // e.g. a replayed slice completed
  std::vector<QuarantineRow> quarantined;  // with what decides their slice: its commit, or `settled` without an output
  std::vector<QuarantinePlace> released;   // they are in a slice again
  std::vector<SliceTry> tries;             // ended with what this batch says of their slices
  std::optional<SliceCounters> counters;   // absolute values, written in the same batch as what they count
  std::optional<LedgerFigures> figures;
  std::optional<WantedState> wanted;
  std::optional<JoinRecord> joined;
  std::optional<LedgerOutcome> outcome;
  std::optional<Remarks> remarks;                   // all of them
  std::optional<std::vector<std::string>> notices;  // all of them

  bool empty() const {
    return created.empty() && positions.empty() && committed.empty() && settled.empty() && settled_ranges.empty() &&
           rows.empty() && erased_rows.empty() && quarantined.empty() && released.empty() && tries.empty() &&
           !counters && !figures && !wanted && !joined && !outcome && !remarks && !notices;
  }
};

// Slices of a run that are neither settled nor in a row: indices [from, to) of the run.
struct OpenRange {
  std::shared_ptr<const SliceRun> run;
  std::uint64_t from = 0;
  std::uint64_t to = 0;
};

// How far the source is: by slicer its position, and with their slicer the requests of slices that are not completed;
// of each slicer and generation the first one of those that wait, and the first one that has a row.
struct SourceProgress {
  std::map<std::uint32_t, SlicerPosition> positions;
  std::vector<std::pair<std::uint32_t, std::string>> first_open;
};

// What the ledger says when it is opened.
struct LedgerHeader {
  std::vector<std::string> lineage;  // execution ids, oldest first; the last one is the present execution
  std::uint64_t epoch = 0;           // of this opening: already synced
  std::string execution;             // the resolved execution document (JSON)
  SliceCounters counters;
  LedgerFigures figures;
  WantedState wanted = WantedState::running;
  std::map<std::uint32_t, SlicerPosition> positions;
  std::optional<JoinRecord> joined;
  std::optional<LedgerOutcome> outcome;
  std::vector<std::string> notices;         // of the source: what was left out
  Remarks remarks;                          // in a recovery of the source's: those that are refuted, since they stay so
  CleanupType cleanup = CleanupType::none;  // of the recovery that made this generation
  bool recovered = false;
  WallMs created_ms = 0;

  std::uint16_t generation() const { return static_cast<std::uint16_t>(lineage.size() - 1); }
};

class SliceLedger {
 public:
  virtual ~SliceLedger() = default;

  virtual const LedgerHeader& header() const = 0;

  // Queues the batch; a commit thread writes all that has gathered with one fsync. After an I/O error every later batch
  // fails too (io, no_space, corrupt) until reopened.
  virtual void write(LedgerBatch batch, std::function<void(Result<void>)> synced) = 0;
  // Batches queued or being synced. Beyond kBacklogLimit the caller holds back credit.
  virtual std::size_t backlog() const = 0;
  static constexpr std::size_t kBacklogLimit = 4096;

  // At opening, before the first write. Ordered by key.
  virtual Result<std::vector<OpenRange>> open_ranges() const = 0;
  // Lists of rows end at their limit, and earlier if they hold much: only an empty one means that there are no more.
  static constexpr std::size_t kListBytes = 4 << 20;
  // Rows after `after` in key order, at most `limit`. Any thread.
  virtual Result<std::vector<OpenRow>> rows(std::optional<SliceKey> after, std::size_t limit) const = 0;
  // Committed but not settled outputs: what opening must roll forward. At opening, before the first write.
  virtual Result<std::vector<CommittedOutput>> unpublished_outputs() const = 0;
  // Every committed output in key order, for joining and verifying. Any thread.
  virtual Result<void> for_each_output(const std::function<Result<void>(const CommittedOutput&)>& visit) const = 0;
  // Rows in state error, newest update first. Any thread.
  virtual Result<std::vector<OpenRow>> errors(std::uint64_t from, std::uint64_t size) const = 0;
  // Quarantined records in the order of slices, behind `after`, without the first `skip` of them. Any thread.
  virtual Result<std::vector<QuarantineRow>> quarantine(std::optional<QuarantinePlace> after, std::uint64_t skip,
                                                        std::uint64_t size) const = 0;
  // Tries in the order of slices, without the first `skip` of them. Any thread.
  virtual Result<std::vector<SliceTry>> tries(std::uint64_t skip, std::uint64_t size) const = 0;
  // How many records of this slice are quarantined. Any thread.
  virtual Result<std::uint32_t> quarantined_of(const SliceKey& key) const = 0;
  // error rows, start rows and open run slices as of the last synced batch. Any thread.
  struct OpenCounts {
    std::uint64_t error = 0, start = 0, pending = 0;
  };
  virtual Result<OpenCounts> open_counts() const = 0;
  // As of the last synced batch; costs what is open. Any thread.
  virtual Result<SourceProgress> source_progress() const = 0;

  // Flushes, so that the next opening is quick. The ledger is not usable afterwards.
  virtual Result<void> close() = 0;
};

struct LedgerCreate {
  std::string ex_id;
  std::string execution;  // JSON
  std::uint64_t epoch = 1;
};

struct LedgerRecover {
  // Ended ledger; taken under its lock, as a checkpoint: instant at any size. It has no outcome if its controller was
  // given up: what was open then is open still.
  std::string source_directory;
  std::string ex_id;  // appended to the lineage
  std::string execution;
  CleanupType cleanup = CleanupType::none;
  std::uint64_t epoch = 1;  // must be above the source's
};

// The first ledger that a process creates takes twice as long as the next one: code is read in and linked, pools and
// threads come to be. For a process that waits for its order: does that beforehand, in memory. Nothing fails.
void prepare_for_ledgers();

// The directory must not hold a ledger yet (conflict).
Result<std::unique_ptr<SliceLedger>> create_ledger(Loop& loop, const std::string& directory,
                                                   const LedgerCreate& create);
// conflict if another process holds it, or the epoch is not above the stored one; corrupt with the place otherwise.
Result<std::unique_ptr<SliceLedger>> open_ledger(Loop& loop, const std::string& directory, std::uint64_t epoch);
// The epoch above the stored one, as `run` uses it: the ledger itself issues epochs there.
Result<std::unique_ptr<SliceLedger>> open_ledger_next_epoch(Loop& loop, const std::string& directory);
Result<std::unique_ptr<SliceLedger>> recover_ledger(Loop& loop, const std::string& directory,
                                                    const LedgerRecover& recover);
bool ledger_exists(const std::string& directory);
// gone: what became of the execution's slices is not known any more, since its ledger was made and is not there.
Error lost_ledger(const std::string& ex_id, const std::string& directory);

// For executions without a controller: no writing, no epoch. Never beside a possible writer: it takes the lock too.
class LedgerView {
 public:
  virtual ~LedgerView() = default;
  virtual const LedgerHeader& header() const = 0;
  virtual Result<std::vector<OpenRow>> errors(std::uint64_t from, std::uint64_t size) const = 0;
  virtual Result<std::vector<QuarantineRow>> quarantine(std::optional<QuarantinePlace> after, std::uint64_t skip,
                                                        std::uint64_t size) const = 0;
  virtual Result<std::vector<SliceTry>> tries(std::uint64_t skip, std::uint64_t size) const = 0;
  virtual Result<bool> is_quarantined(const QuarantinePlace& place) const = 0;
  virtual Result<void> for_each_output(const std::function<Result<void>(const CommittedOutput&)>& visit) const = 0;
  virtual Result<SliceLedger::OpenCounts> open_counts() const = 0;
  virtual Result<SourceProgress> source_progress() const = 0;
};
Result<std::unique_ptr<LedgerView>> view_ledger(const std::string& directory);

// The seam to where ledgers are kept. Body: RocksDB, by the functions above.
class LedgerStore {
 public:
  virtual ~LedgerStore() = default;
  virtual bool exists(const std::string& directory) = 0;
  virtual Result<std::unique_ptr<SliceLedger>> create(Loop& loop, const std::string& directory,
                                                      const LedgerCreate& create) = 0;
  virtual Result<std::unique_ptr<SliceLedger>> open(Loop& loop, const std::string& directory, std::uint64_t epoch) = 0;
  virtual Result<std::unique_ptr<SliceLedger>> open_next_epoch(Loop& loop, const std::string& directory) = 0;
  virtual Result<std::unique_ptr<SliceLedger>> recover(Loop& loop, const std::string& directory,
                                                       const LedgerRecover& recover) = 0;
};
LedgerStore& rocks_ledgers();

}  // namespace slicemill
