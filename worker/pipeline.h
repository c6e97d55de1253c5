// The part of a job's plan behind one source, and the way of a slice's batches through it: from the reader through the
// processors into the senders.
//
// Owner: SliceRunner; operation thread only. Made once per worker and source, used for every slice; nothing is
// allocated anew between slices. Where ways part, each of them gets the same records: a way that changes nothing the
// batch as it is, the last one that changes it too, and each other one its own list of records with the same bytes.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/model/output_facts.h"
#include "core/model/quarantine.h"
#include "core/runtime/json.h"
#include "core/runtime/result.h"
#include "core/wire/messages.h"
#include "operations/operation.h"

namespace slicemill {

struct PipelineCounts {
  std::uint64_t records_in = 0;                    // that were read, quarantined ones too
  std::uint64_t records_out = 0;                   // behind the last processor
  std::vector<wire::OperationFigures> operations;  // empty: the job has `analytics: false`
};

// A record that the slice fails on, and which no operation named: found by running parts of the slice.
struct BadRecord {
  std::string operation;  // that fails: "operations[2] script"
  std::string error;
};

// Which of a slice's records run: those with numbers in [from, to), counted from 0 as they are read, and none of the
// bad ones, which are quarantined.
struct RecordSelection {
  std::uint64_t from = 0;
  std::uint64_t to = std::numeric_limits<std::uint64_t>::max();
  const std::map<std::uint64_t, BadRecord>* bad = nullptr;
};

class Pipeline {
 public:
  // source: number of its node in the job's plan. Errors name the node.
  static Result<std::unique_ptr<Pipeline>> make(const JobSpec& job, std::size_t source, const RunnerPlace& place,
                                                const OperationRegistry& registry, Files& files);

  // Takes one slice through. On an error the sender has forgotten the attempt. cancelled may be null; it is looked at
  // between batches. May throw what an operation throws; abandon() is then the caller's to call.
  Result<StagedOutput> run(const SliceContext& slice, const std::atomic<bool>* cancelled, PipelineCounts& counts,
                           const RecordSelection& selection = {});
  // The same without an output: whether the selected records pass.
  Result<void> try_records(const SliceContext& slice, const std::atomic<bool>* cancelled,
                           const RecordSelection& selection);
  // How many records the slice has.
  Result<std::uint64_t> count_records(const SliceContext& slice, const std::atomic<bool>* cancelled);
  // The slice failed in an operation that is to quarantine the records it cannot work on.
  bool failed_where_records_are_quarantined() const { return running_ > 0 && nodes_[running_].quarantines; }
  // Of the operation that ran last: "operations[2] script".
  const std::string& running_place() const { return nodes_[running_].place; }
  // Of the last run, if it succeeded.
  std::vector<QuarantinedRecord> take_quarantined() { return quarantine_.take(); }
  // Of the last run, if it failed at a record that an operation named.
  std::optional<QuarantinedRecord> take_failed_record() { return quarantine_.take_failed(); }
  // What the records of all slices so far had to tell; its changes are the caller's to take.
  RecordRemarks& remarks() { return remarks_; }
  // Makes processors and sender forget the attempt that began; nothing if none did.
  void abandon();

  // The weakest promise of those that reach the outside.
  Delivery delivery() const { return delivery_; }

 private:
  // The reader is the first one; each stands behind those that give to it.
  struct Node {
    std::size_t number = 0;  // in the plan
    std::string place;       // begins every error: "operations[1] filter"
    std::string name;        // by which quarantined records find back
    bool quarantines = false;
    std::uint32_t sink = 0;
    std::vector<std::size_t> outputs;  // those that leave batches as they are first
    bool changes_batches = false;      // it, or one behind it
    bool needs_whole_slice = false;
    std::unique_ptr<Processor> processor{};  // with `sender` null: the reader
    std::unique_ptr<Sender> sender{};
    // Of the slice.
    bool has_begun = false;
    RecordBatch held{};                  // so far, if it needs the whole slice
    RecordBatch branch{};                // what it gets where ways part
    std::vector<std::string> columns{};  // of the source, as they reach it
  };

  Result<void> add(std::size_t number, const JobSpec& job, const RunnerPlace& place, const OperationRegistry& registry,
                   Files& files);
  void connect(const Plan& plan);
  Result<void> flow(const SliceContext& slice, const std::atomic<bool>* cancelled, PipelineCounts& counts,
                    const RecordSelection& selection);
  void end_slice();
  Result<void> begin(const SliceContext& slice);
  Result<void> stream(const std::atomic<bool>* cancelled, PipelineCounts& counts, const RecordSelection& selection);
  // Tells senders of tables which columns the source has.
  Result<void> tell_columns();
  Result<StagedOutput> stage();
  // Leaves the selected records in the batch; `first` is the number of its first one.
  Result<void> select(std::uint64_t first, const RecordSelection& selection);
  Result<void> quarantine_bad(const BadRecord& bad, const PipelineEntry& entry, std::string place,
                              std::string_view bytes, std::string metadata);
  // ---- slices of records that were quarantined (pipeline_redriven.cc) ----
  Result<void> open_redriven(const SliceContext& slice);
  Result<void> stream_redriven(const SliceContext& slice, const std::atomic<bool>* cancelled, PipelineCounts& counts,
                               const RecordSelection& selection);
  Result<void> append_redriven(const RedrivenRequest::Record& record);
  Result<void> read_text(const SliceContext& slice, std::string_view text, PipelineCounts& counts);
  // Of nodes_.
  Result<std::size_t> entry_node(const PipelineEntry& entry) const;
  // The node that is called next, and that an error is then of.
  void enter(std::size_t node) { running_ = node; }
  Error failure(const Error& error) const { return with_context(error, nodes_[running_].place); }
  // What this node gave goes to those behind it. The batch may be changed, or taken, by them.
  Result<void> give(std::size_t from, RecordBatch& batch, PipelineCounts& counts);
  Result<void> take(std::size_t node, RecordBatch& batch, PipelineCounts& counts);
  Result<void> hold(std::size_t node, RecordBatch& batch);
  Result<void> process(std::size_t node, RecordBatch& batch, PipelineCounts& counts);
  // What the processor gave goes on to those behind it, and what it has more.
  Result<void> pass_on(std::size_t node, RecordBatch& batch, PipelineCounts& counts);
  Result<void> send(std::size_t node, RecordBatch& batch, PipelineCounts& counts);
  Result<void> finish(PipelineCounts& counts);
  void begin_figures();
  void end_figures(PipelineCounts& counts);
  // The time since the last call was that of this node.
  void lap(std::size_t node);
  // The batch is what this node gave on.
  void count(std::size_t node, const RecordBatch& batch);

  RecordQuarantine quarantine_;  // before the operations, which know it
  RecordRemarks remarks_;        // likewise
  std::vector<Node> nodes_;
  bool is_list_ = true;        // its users know nodes by their places
  bool reader_drops_ = false;  // what it cannot make a record of
  std::unique_ptr<Reader> reader_;
  std::size_t running_ = 0;
  std::optional<RedrivenRequest> redriven_;  // of this slice
  std::size_t entry_ = 0;                    // of it: the node that gets its records; 0: the reader
  Delivery delivery_ = Delivery::none;
  RecordBatch batch_;
  std::vector<std::string> source_columns_;  // the senders know of them in this slice
  bool may_measure_ = true;
  bool measures_ = false;                        // this slice
  std::uint64_t unmeasured_ = 0;                 // how many of the next slices are not
  std::vector<wire::OperationFigures> figures_;  // of this slice; one for each node of the plan
  std::chrono::steady_clock::time_point lap_begin_;
};

}  // namespace slicemill
