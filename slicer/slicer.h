// A slicer cuts the input of an execution into slices. Owner: the controller; every call is on the slicer executor, one
// at a time.
//
// It makes runs, never touches the ledger, and can say where it stands: what it returns is durable before it is
// dispatched.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/model/connections.h"
#include "core/model/job_spec.h"
#include "core/model/slice.h"
#include "core/runtime/clock.h"
#include "core/runtime/files.h"
#include "core/runtime/json.h"
#include "core/runtime/result.h"

namespace slicemill {

struct SlicerContext {
  JobSpec job;
  Json options;               // of the reader operation, resolved
  std::uint32_t slicer = 0;   // this one's id, from 0
  std::uint32_t slicers = 1;  // how many share the input
  bool persistent = false;
  std::uint64_t epoch = 0;  // of the controller that asks
  std::function<SteadyTime()> now = [] { return std::chrono::steady_clock::now(); };
  Files* files = &posix_files();  // where the input is
  const Connections* connections = &process_connections();
  // True as soon as nothing further is wanted: a slicer that waits for another system returns soon after. Set from any
  // thread; outlives the slicer.
  std::shared_ptr<const std::atomic<bool>> cancelled = std::make_shared<std::atomic<bool>>(false);
};

// What the extents of a source's slices count (SliceRun::extent).
enum class SourceUnit { none, bytes, records };

// What one turn gave. Requests carry no identity: the controller numbers them.
struct SliceBatch {
  std::vector<std::variant<ListRequests, RangeRequests>>
      runs;                  // at most about `wanted` slices in all; one range may exceed it
  std::string position;      // from where open() can go on after these runs; stored in the same batch
  bool finished = false;     // no more slices, ever
  std::int64_t idle_ms = 0;  // nothing now, ask again then (persistent sources)
  std::string waits_for{};   // what keeps it from giving anything, with idle_ms; shown while it lasts
  std::uint64_t subslices = 0;
  std::optional<std::uint64_t> total{};  // of the whole source, what was cut before with it; nothing: not known, or yet
  std::vector<std::string> notices{};    // for whoever looks at the execution: what was left out, and what waits
  bool awaits_completions = false;       // nothing further before a completion is heard: it is not asked until then
};

// What became of a slice, for slicers whose further slices follow from that.
struct Completion {
  SliceKey key;
  std::string request;
  SliceState state = SliceState::completed;  // or error
  std::string value{};                       // of a completed one (StagedOutput::value)
};

// How a slice is tried; what is absent is as the job and the settings say. Slices that have one keep a history: the
// ledger has a row for each of their tries.
struct SlicePolicy {
  std::string place{};  // of the slice, in the slicer's words
  std::string name{};   // what people call the slice
  std::optional<std::uint32_t> max_retries{};
  std::int64_t retry_base_ms = 0;
};
// By the slice's request. Any thread.
using SlicePolicyOf = std::function<SlicePolicy(std::string_view request)>;

class Slicer {
 public:
  virtual ~Slicer() = default;
  // position: "" at the first start, otherwise the last one stored.
  virtual Result<void> open(const SlicerContext& context, const std::string& position) = 0;
  virtual Result<SliceBatch> next(std::size_t wanted) = 0;
  // True: it makes slices without an end, as many as are asked for, so none needs to be made long before it can run. Of
  // an open slicer.
  virtual bool is_endless() const { return false; }
  virtual SourceUnit unit() const { return SourceUnit::none; }
  // True: on_completed() is called for each of its slices that completes or fails for good, those of earlier executions
  // of the lineage too, once each. Most slicers do not care, and then it costs nothing.
  virtual bool hears_completions() const { return false; }
  // A turn that follows from completions: what it gives becomes durable in the same batch as they do, and so both are
  // there after a crash, or neither is and the slicer is told again. At most about `wanted` slices; next() gives the
  // others. An error that may pass is tried again with a slicer that is opened at the last stored position.
  virtual Result<SliceBatch> on_completed(const std::vector<Completion>& completions, std::size_t wanted);
  // False: it cannot say where it stands, so a dead controller or a recovery does not start it again.
  virtual bool is_recoverable() const { return true; }
  // Reports what changed between the slicing options of the recovered execution and these: "" if positions are still
  // good.
  virtual std::string position_mismatch(const Json& recovered_options, const Json& options) const;
};

// By the name of the reader operation. nullptr: no such reader.
std::unique_ptr<Slicer> make_slicer(std::string_view reader);
// The slicer of a source of the plan, by the number of its node: that of its reader, joined where a `collect` behind it
// asks for several slices in one. nullptr: no such reader.
std::unique_ptr<Slicer> make_source_slicer(const Plan& plan, std::size_t source);
// Null: all slices of this source are tried alike.
SlicePolicyOf slice_policy(const Plan& plan, std::size_t source);
// Why the positions of the recovered job are useless for this one: "" if they are good.
std::string position_mismatch(const JobSpec& recovered_job, const JobSpec& job);
// How many slicers the job gets for this reader (most take one whatever the job asks for).
std::uint32_t slicer_count(std::string_view reader, std::int64_t asked);
// Of all sources together.
std::uint32_t slicers_of(const JobSpec& job);

}  // namespace slicemill
