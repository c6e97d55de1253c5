// The controller's half of a sender: what makes a staged attempt visible once the ledger has decided for it.
//
// Owner: the controller. All members are for the publish executor (they block) unless they say otherwise. Everything is
// idempotent: after a crash the same calls are made again.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/ledger/slice_ledger.h"
#include "core/model/job_spec.h"
#include "core/model/quarantine.h"
#include "core/outputs/sink_type.h"
#include "core/runtime/files.h"
#include "core/runtime/json.h"
#include "core/runtime/result.h"

namespace slicemill {

struct VerifyReport {
  std::uint64_t expected = 0;  // outputs the ledger knows
  std::uint64_t matching = 0;
  std::vector<std::string> missing, altered, extra;  // file names, each list cut at 1,000
  std::uint64_t missing_count = 0, altered_count = 0, extra_count = 0;
  std::uint64_t records = 0, bytes = 0;  // of the matching ones
  bool clean() const { return missing_count == 0 && altered_count == 0 && extra_count == 0; }
};

// The job of an earlier execution of the lineage, which may have written elsewhere.
struct FormerJob {
  std::uint64_t last_epoch = 0;  // outputs of attempts up to this epoch are its own, or of those before
  JobSpec job;
};

using OutputVisitor = std::function<Result<void>(const CommittedOutput&)>;
using OutputSource =
    std::function<Result<void>(const OutputVisitor&)>;  // calls the visitor for each output in key order

// A slice that its workers have committed in the targets of all sinks.
struct ClaimedOutput {
  OutputFacts facts;
  std::vector<QuarantinedRecord> quarantined;
};

class OutputPublisher {
 public:
  virtual ~OutputPublisher() = default;

  // Before the first dispatch: directories exist and are writable, `if_exists` is judged (once per lineage: only if
  // first_start).
  virtual Result<void> prepare(bool first_start) = 0;

  // Tries out whether output can be staged and published again after an obstacle (see Error), and leaves nothing
  // behind.
  virtual Result<void> probe() = 0;

  // Makes each output visible under its final name, never replacing another's, and syncs the directory once. One result
  // per output; no_space and io errors are worth another try. not_found: neither staged nor final file is there
  // (`output_lost`).
  virtual std::vector<Result<void>> publish(const std::vector<CommittedOutput>& outputs) = 0;

  // Whether what this output was made of is there still, staged or published: not if a sweep took it.
  virtual Result<bool> is_there(const CommittedOutput& output) = 0;

  // Removes what attempts left behind that never committed. `keep` tells whether a staged (key, attempt) may still be
  // wanted.
  virtual void sweep(const std::function<bool(const SliceKey&, const Attempt&)>& keep) = 0;

  // ---- outputs that workers commit in the target (CommitClass::claimed) ----
  virtual bool claims() const { return false; }  // any thread
  // From now on no attempt up to `epoch` commits one of these slices; with `all`, nor any other one of the lineage. Of
  // each slice, in order: what was committed before, if it was at every sink. unavailable, timeout, conflict: nothing
  // is known, and another try may help. Bounded in time.
  virtual Result<std::vector<std::optional<ClaimedOutput>>> fence(const std::vector<SliceKey>& slices,
                                                                  std::uint64_t epoch, bool all);

  // ---- outputs that appear as a whole (single_file, if_exists: replace) ----
  virtual bool joins() const { return false; }  // any thread
  // Whether files can be added once it is published, as by a redrive. Any thread.
  virtual bool takes_more() const { return true; }
  // Writes the temporary joined file and syncs it; of a directory that replaces another: sees that it is complete.
  virtual Result<OutputFacts> join(const OutputSource& outputs);
  // Gives it its final name (idempotent: what is there already counts), syncs the directory.
  virtual Result<void> publish_joined(const OutputFacts& facts);

  // After a terminal outcome: removes staging of this lineage. Unless it is whole, what later executions of the lineage
  // go on with stays: the parts of a single file, and the columns that are settled.
  virtual void clean_up(bool whole) = 0;

  // Reads every published output again and compares it with the ledger. `joined` as in the ledger. former: oldest
  // first.
  virtual Result<VerifyReport> verify(const OutputSource& outputs, const std::optional<JoinRecord>& joined,
                                      const std::vector<FormerJob>& former) = 0;
};

// Where the lineage of this first execution keeps what is not published yet: everything in them can be removed with the
// last execution of the lineage. None: the job stages nothing.
Result<std::vector<std::string>> staging_directories_of(const JobSpec& job, std::string_view lineage_id);
// Them with all that is in them, and the directory around each unless others stage there.
Result<void> remove_staging(Files& files, const std::vector<std::string>& directories);

// Why a recovery cannot go on under another job, `now`: "" if it can. What was written waits to appear as a whole, and
// the new job would look for it elsewhere, or the job's sinks are others.
Result<std::string> output_mismatch(const JobSpec& before, const JobSpec& now, std::string_view lineage_id);

// For the sinks of the job; nullptr if the controller has no part in them (no sender, stdout, noop).
Result<std::unique_ptr<OutputPublisher>> make_publisher(const JobSpec& job, const std::vector<SinkType>& types,
                                                        const PublisherParts& parts);

}  // namespace slicemill
