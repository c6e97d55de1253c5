#include "worker/slice_runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/outputs/file_layout.h"
#include "core/runtime/log.h"
#include "worker/pipeline.h"
#include "worker/record_bisection.h"

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

// What may be a record's fault. A full disk and an unreachable service are not.
bool may_be_of_a_record(const Error& error) {
  return !error.obstacle && error.code != ErrorCode::cancelled && error.code != ErrorCode::unavailable;
}

wire::Outcome outcome_of(const Error& error) {
  const bool is_elsewhere = error.code == ErrorCode::unavailable || error.code == ErrorCode::timeout;
  if (error.obstacle) return is_elsewhere ? wire::Outcome::awaits : wire::Outcome::obstructed;
  return is_final(error) ? wire::Outcome::failed_for_good : wire::Outcome::failed;
}

class PipelineRunner final : public SliceRunner {
 public:
  // pipelines: by source, in the order of the plan.
  PipelineRunner(std::vector<std::unique_ptr<Pipeline>> pipelines, std::vector<std::string> lineage)
      : pipelines_(std::move(pipelines)), lineage_(std::move(lineage)) {}

  WorkedSlice work(const wire::SliceOrder& order, const std::atomic<bool>* cancelled) override {
    const auto start = std::chrono::steady_clock::now();
    WorkedSlice run;
    wire::SliceResult& result = run.result;
    result.key = order.key;
    result.attempt = order.attempt;
    PipelineCounts counts;
    pipeline_ = pipeline_of(order.key.slicer);
    auto output = attempt<StagedOutput>(
        order, cancelled, [&](const SliceContext& slice) { return pipeline_->run(slice, cancelled, counts); });
    if (!output && must_search(order, output.error()))
      output = run_without_bad_records(order, cancelled, output.error(), counts);
    result.records_in = counts.records_in;
    result.records_out = counts.records_out;
    result.operations = std::move(counts.operations);
    if (pipeline_->remarks().has_changes()) result.remarks = pipeline_->remarks().take();
    result.busy_us = microseconds_since(start);
    if (output) {
      result.outcome = wire::Outcome::completed;
      result.output = output->facts;
      result.value = std::move(output->value);
      result.quarantined = pipeline_->take_quarantined();
      if (result.output.present) result.output.request_hash = request_hash(order.request);
      run.sync = std::move(output->sync);
    } else {
      result.outcome = outcome_of(output.error());
      result.error = output.error().message;
      if (auto record = pipeline_->take_failed_record()) result.quarantined.push_back(std::move(*record));
    }
    return run;
  }

  Delivery delivery() const override {
    Delivery weakest = Delivery::none;
    for (const auto& pipeline : pipelines_) weakest = std::max(weakest, pipeline->delivery());
    return weakest;
  }

 private:
  // As Plan::source_of() numbers slicers.
  Pipeline* pipeline_of(std::uint32_t slicer) const {
    return pipelines_[std::min<std::size_t>(slicer, pipelines_.size() - 1)].get();
  }

  // A failure that nothing but leaving records out could mend, in an operation that is to quarantine them.
  bool must_search(const wire::SliceOrder& order, const Error& error) const {
    return (order.last_try || is_final(error)) && may_be_of_a_record(error) &&
           pipeline_->failed_where_records_are_quarantined();
  }

  // The slice once more, without the records that it fails on. One run makes the output, so it is as if they had never
  // been there.
  Result<StagedOutput> run_without_bad_records(const wire::SliceOrder& order, const std::atomic<bool>* cancelled,
                                               const Error& failure, PipelineCounts& counts) {
    log(LogLevel::info, "slice {}/{} fails without naming a record; looking for it: {}", order.key.slicer,
        order.key.order, failure.message);
    const auto bad = bad_records_of(order, cancelled);
    if (!bad && !may_be_of_a_record(bad.error())) return bad.error();  // cancelled, or the machine is at fault
    if (!bad)
      return Error(failure.code, fmt::format("{}; {}", failure.message, bad.error().message), failure.retryable);
    counts = {};
    auto output = attempt<StagedOutput>(order, cancelled, [&](const SliceContext& slice) {
      return pipeline_->run(slice, cancelled, counts, {.bad = &*bad});
    });
    if (output) return output;
    Error still = output.error();
    still.message += fmt::format(" ({} records were left out, each of which fails alone)", bad->size());
    return still;
  }

  Result<std::map<std::uint64_t, BadRecord>> bad_records_of(const wire::SliceOrder& order,
                                                            const std::atomic<bool>* cancelled) {
    ASSIGN_OR_RETURN(const std::uint64_t count,
                     attempt<std::uint64_t>(order, cancelled, [&](const SliceContext& slice) {
                       return pipeline_->count_records(slice, cancelled);
                     }));
    return find_bad_records(count,
                            [&](std::uint64_t from, std::uint64_t to) { return probe(order, cancelled, from, to); });
  }

  Result<std::optional<BadRecord>> probe(const wire::SliceOrder& order, const std::atomic<bool>* cancelled,
                                         std::uint64_t from, std::uint64_t to) {
    const auto passes = [&] {
      return attempt<void>(order, cancelled, [&](const SliceContext& slice) {
        return pipeline_->try_records(slice, cancelled, {.from = from, .to = to});
      });
    };
    auto passed = passes();
    // Nobody is convicted for a moment's trouble of others.
    if (!passed && to - from == 1 && !is_final(passed.error())) passed = passes();
    if (passed) return std::optional<BadRecord>();
    if (!may_be_of_a_record(passed.error()) || !pipeline_->failed_where_records_are_quarantined())
      return passed.error();
    return std::optional(BadRecord{pipeline_->running_place(), passed.error().message});
  }

  template <typename T, typename Work>
  Result<T> attempt(const wire::SliceOrder& order, const std::atomic<bool>* cancelled, const Work& work) {
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
    slice.origin_ex_id = lineage_[order.key.generation];
    slice.request = order.request;
    slice.created_ms = order.created_ms;
    slice.ex_id = lineage_.back();
    slice.lineage_id = lineage_.front();
    try {
      return work(slice);
    } catch (const std::exception& error) {
      pipeline_->abandon();
      return Error(ErrorCode::internal, fmt::format("an operation threw: {}", error.what()));
    } catch (...) {
      pipeline_->abandon();
      return Error(ErrorCode::internal, "an operation threw something that is no std::exception");
    }
  }

  std::vector<std::unique_ptr<Pipeline>> pipelines_;
  Pipeline* pipeline_ = nullptr;  // of the slice
  std::vector<std::string> lineage_;
};

}  // namespace

wire::SliceResult WorkedSlice::finish() && {
  if (!sync) return std::move(result);
  if (auto synced = sync(); !synced) {
    result.outcome = outcome_of(synced.error());
    result.error = synced.error().message;
    result.output = {};
    result.value.clear();
    result.quarantined.clear();
  }
  return std::move(result);
}

Result<std::unique_ptr<SliceRunner>> make_slice_runner(const JobSpec& job, std::vector<std::string> lineage,
                                                       const RunnerPlace& place, const OperationRegistry& registry,
                                                       Files& files) {
  if (lineage.empty()) return Error(ErrorCode::internal, "an execution without an id", false);
  try {
    if (job.plan.empty()) return Error(ErrorCode::invalid, "the job has no operations", false);
    std::vector<std::unique_ptr<Pipeline>> pipelines;
    for (const std::size_t source : job.plan.sources()) {
      ASSIGN_OR_RETURN(auto pipeline, Pipeline::make(job, source, place, registry, files));
      pipelines.push_back(std::move(pipeline));
    }
    return std::unique_ptr<SliceRunner>(std::make_unique<PipelineRunner>(std::move(pipelines), std::move(lineage)));
  } catch (const std::exception& error) {
    return Error(ErrorCode::internal, fmt::format("an operation threw while it was made: {}", error.what()), false);
  }
}

}  // namespace slicemill
