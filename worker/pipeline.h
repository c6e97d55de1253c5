// The operations of one worker in their order: reader -> processors -> sender, and the way of a slice's batches through
// them.
//
// Owner: SliceRunner; operation thread only. Made once per worker, used for every slice; nothing is allocated anew
// between slices.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/outputs/output_facts.h"
#include "core/runtime/json.h"
#include "core/runtime/result.h"
#include "core/wire/messages.h"
#include "operations/operation.h"

namespace slicemill {

struct PipelineCounts {
  std::uint64_t records_in = 0;                    // out of the reader
  std::uint64_t records_out = 0;                   // behind the last processor
  std::vector<wire::OperationFigures> operations;  // empty: the job has `analytics: false`
};

class Pipeline {
 public:
  // job: the resolved execution document. Errors name the operation.
  static Result<std::unique_ptr<Pipeline>> make(const Json& job, const std::string& worker_id,
                                                const OperationRegistry& registry, Files& files);

  // Takes one slice through. On an error the sender has forgotten the attempt. cancelled may be null; it is looked at
  // between batches. May throw what an operation throws; abandon() is then the caller's to call.
  Result<OutputFacts> run(const SliceContext& slice, const std::atomic<bool>* cancelled, PipelineCounts& counts);
  // Makes processors and sender forget the attempt that began; nothing if none did.
  void abandon();

  // The promise of the last operation that reaches the outside.
  Delivery delivery() const { return delivery_; }

 private:
  struct Stage {
    std::string place;  // "operations[1] filter": begins every error
    std::unique_ptr<Processor> processor;
    bool needs_whole_slice = false;
    RecordBatch held{};  // the slice so far, if it needs the whole
  };

  Result<void> add(const Json& options, const Json& job, std::size_t index, const std::string& worker_id,
                   const OperationRegistry& registry, Files& files);
  Result<void> begin(const SliceContext& slice);
  Result<void> stream(const std::atomic<bool>* cancelled, PipelineCounts& counts);
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

  std::string reader_place_;
  std::unique_ptr<Reader> reader_;
  std::vector<Stage> stages_;
  std::string sender_place_;
  std::unique_ptr<Sender> sender_;
  Delivery delivery_ = Delivery::none;
  std::size_t stages_begun_ = 0;
  bool sender_has_begun_ = false;
  RecordBatch batch_;
  bool may_measure_ = true;
  bool measures_ = false;                        // this slice
  std::uint64_t unmeasured_ = 0;                 // how many of the next slices are not
  std::vector<wire::OperationFigures> figures_;  // of this slice; one per operation
  std::chrono::steady_clock::time_point lap_begin_;
};

}  // namespace slicemill
