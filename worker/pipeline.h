// The operations of one worker in their order: reader -> processors -> sender, and the way of a slice's batches through
// them.
//
// Owner: SliceRunner; operation thread only. Made once per worker, used for every slice; nothing is allocated anew
// between slices.
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
  // job: the resolved execution document. Errors name the operation.
  static Result<std::unique_ptr<Pipeline>> make(const JobSpec& job, const std::string& worker_id,
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
  bool failed_where_records_are_quarantined() const { return running_ > 0 && quarantines_[running_]; }
  // Of the operation that ran last: "operations[2] script".
  const std::string& running_place() const { return places_[running_]; }
  // Of the last run, if it succeeded.
  std::vector<QuarantinedRecord> take_quarantined() { return quarantine_.take(); }
  // Of the last run, if it failed at a record that an operation named.
  std::optional<QuarantinedRecord> take_failed_record() { return quarantine_.take_failed(); }
  // What the records of all slices so far had to tell; its changes are the caller's to take.
  RecordRemarks& remarks() { return remarks_; }
  // Makes processors and sender forget the attempt that began; nothing if none did.
  void abandon();

  // The promise of the last operation that reaches the outside.
  Delivery delivery() const { return delivery_; }

 private:
  struct Stage {
    std::unique_ptr<Processor> processor;
    bool needs_whole_slice = false;
    RecordBatch held{};  // the slice so far, if it needs the whole
  };

  Result<void> add(const OperationSpec& spec, const JobSpec& job, std::size_t index, const std::string& worker_id,
                   const OperationRegistry& registry, Files& files);
  Result<void> flow(const SliceContext& slice, const std::atomic<bool>* cancelled, PipelineCounts& counts,
                    const RecordSelection& selection);
  void end_slice();
  Result<void> begin(const SliceContext& slice);
  Result<void> stream(const std::atomic<bool>* cancelled, PipelineCounts& counts, const RecordSelection& selection);
  // Tells the sender of a table which columns the source has.
  Result<void> tell_columns();
  // Leaves the selected records in the batch; `first` is the number of its first one.
  Result<void> select(std::uint64_t first, const RecordSelection& selection);
  Result<void> quarantine_bad(const BadRecord& bad, const PipelineEntry& entry, std::string place,
                              std::string_view bytes);
  // ---- slices of records that were quarantined (pipeline_redriven.cc) ----
  Result<void> open_redriven(const SliceContext& slice);
  Result<void> stream_redriven(const SliceContext& slice, const std::atomic<bool>* cancelled, PipelineCounts& counts,
                               const RecordSelection& selection);
  Result<void> read_text(const SliceContext& slice, std::string_view text, PipelineCounts& counts);
  Result<std::uint32_t> place_of_entry(const PipelineEntry& entry) const;
  // The operation that is called next, and that an error is then of.
  void enter(std::size_t operation) { running_ = operation; }
  Error failure(const Error& error) const { return with_context(error, places_[running_]); }
  // Takes the batch through the processors from `first` on and into the sender.
  Result<void> pass(std::size_t first, PipelineCounts& counts);
  Result<void> process(std::size_t index, PipelineCounts& counts);
  // What the stage gave goes on to those behind it, and what it has more.
  Result<void> pass_on(std::size_t index, PipelineCounts& counts);
  Result<void> send(PipelineCounts& counts);
  Result<void> finish(PipelineCounts& counts);
  // The time since the last call was that of this operation (0: the reader).
  void begin_figures();
  void end_figures(PipelineCounts& counts);
  void lap(std::size_t operation);
  // The batch is what this operation gave on.
  void count(std::size_t operation);

  RecordQuarantine quarantine_;      // before the operations, which know it
  RecordRemarks remarks_;            // likewise
  std::vector<std::string> places_;  // by operation: "operations[1] filter", which begins every error
  std::vector<std::string> names_;
  std::vector<bool> quarantines_;
  bool reader_drops_ = false;  // what it cannot make a record of
  std::unique_ptr<Reader> reader_;
  std::vector<Stage> stages_;
  std::unique_ptr<Sender> sender_;
  std::size_t running_ = 0;
  std::optional<RedrivenRequest> redriven_;  // of this slice
  Delivery delivery_ = Delivery::none;
  std::size_t stages_begun_ = 0;
  bool sender_has_begun_ = false;
  RecordBatch batch_;
  std::vector<std::string> source_columns_;  // the sender knows of them in this slice
  bool may_measure_ = true;
  bool measures_ = false;                        // this slice
  std::uint64_t unmeasured_ = 0;                 // how many of the next slices are not
  std::vector<wire::OperationFigures> figures_;  // of this slice; one per operation
  std::chrono::steady_clock::time_point lap_begin_;
};

}  // namespace slicemill
