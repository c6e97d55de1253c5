#include "worker/slice_runner.h"

#include <fmt/format.h>

#include <chrono>
#include <exception>
#include <nlohmann/json.hpp>

#include "core/outputs/file_layout.h"
#include "worker/pipeline.h"

namespace slicemill {
namespace {

std::uint64_t microseconds_since(std::chrono::steady_clock::time_point start) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start).count());
}

// Bad input stays bad input however often it is read.
bool is_final(const Error& error) {
  return !error.retryable || error.code == ErrorCode::invalid || error.code == ErrorCode::unsupported;
}

wire::Outcome outcome_of(const Error& error) {
  if (error.obstacle) return wire::Outcome::obstructed;
  return is_final(error) ? wire::Outcome::failed_for_good : wire::Outcome::failed;
}

class PipelineRunner final : public SliceRunner {
 public:
  PipelineRunner(std::unique_ptr<Pipeline> pipeline, std::vector<std::string> lineage)
      : pipeline_(std::move(pipeline)), lineage_(std::move(lineage)) {}

  wire::SliceResult run(const wire::SliceOrder& order, const std::atomic<bool>* cancelled) override {
    const auto start = std::chrono::steady_clock::now();
    wire::SliceResult result;
    result.key = order.key;
    result.attempt = order.attempt;
    PipelineCounts counts;
    auto facts = attempt(order, cancelled, counts);
    result.records_in = counts.records_in;
    result.records_out = counts.records_out;
    result.operations = std::move(counts.operations);
    result.busy_us = microseconds_since(start);
    if (facts) {
      result.outcome = wire::Outcome::completed;
      result.output = *facts;
      if (result.output.present) result.output.request_hash = request_hash(order.request);
    } else {
      result.outcome = outcome_of(facts.error());
      result.error = facts.error().message;
    }
    return result;
  }

  Delivery delivery() const override { return pipeline_->delivery(); }

 private:
  Result<OutputFacts> attempt(const wire::SliceOrder& order, const std::atomic<bool>* cancelled,
                              PipelineCounts& counts) {
    if (order.key.generation >= lineage_.size()) {
      return Error(ErrorCode::internal,
                   fmt::format("slice of generation {}, but the execution has {} ancestors", order.key.generation,
                               lineage_.size()),
                   false);
    }
    SliceContext slice;
    slice.cancelled = cancelled;
    slice.key = order.key;
    slice.attempt = order.attempt;
    slice.slice_id = slice_id(lineage_[order.key.generation], order.key);
    slice.request = order.request;
    slice.created_ms = order.created_ms;
    slice.ex_id = lineage_.back();
    slice.lineage_id = lineage_.front();
    try {
      return pipeline_->run(slice, cancelled, counts);
    } catch (const std::exception& error) {
      pipeline_->abandon();
      return Error(ErrorCode::internal, fmt::format("an operation threw: {}", error.what()));
    } catch (...) {
      pipeline_->abandon();
      return Error(ErrorCode::internal, "an operation threw something that is no std::exception");
    }
  }

  std::unique_ptr<Pipeline> pipeline_;
  std::vector<std::string> lineage_;
};

}  // namespace

Result<std::unique_ptr<SliceRunner>> make_slice_runner(const Json& job, std::vector<std::string> lineage,
                                                       std::string worker_id, const OperationRegistry& registry,
                                                       Files& files) {
  if (lineage.empty()) return Error(ErrorCode::internal, "an execution without an id", false);
  try {
    ASSIGN_OR_RETURN(auto pipeline, Pipeline::make(job, worker_id, registry, files));
    return std::unique_ptr<SliceRunner>(std::make_unique<PipelineRunner>(std::move(pipeline), std::move(lineage)));
  } catch (const std::exception& error) {
    return Error(ErrorCode::internal, fmt::format("an operation threw while it was made: {}", error.what()), false);
  }
}

}  // namespace slicemill
