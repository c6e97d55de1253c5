#include "worker/pipeline.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/model/job.h"

namespace slicemill {
namespace {

Error cancelled_error() {
  return {ErrorCode::cancelled, "cancelled"};
}

bool is_set(const std::atomic<bool>* flag) {
  return flag != nullptr && flag->load(std::memory_order_relaxed);
}

// The registry tells the kind; the object must agree, or the list of operations is wrong.
template <typename Kind>
Result<std::unique_ptr<Kind>> as_kind(std::unique_ptr<Operation> operation) {
  auto* kind = dynamic_cast<Kind*>(operation.get());
  if (kind == nullptr)
    return Error(ErrorCode::internal, "the operation is not of the kind that its schema says", false);
  operation.release();
  return std::unique_ptr<Kind>(kind);
}

}  // namespace

Result<std::unique_ptr<Pipeline>> Pipeline::make(const Json& job, const std::string& worker_id,
                                                 const OperationRegistry& registry) {
  const auto operations = job.find("operations");
  if (operations == job.end() || !operations->is_array() || operations->empty()) {
    return Error(ErrorCode::invalid, "the job has no operations", false);
  }
  auto pipeline = std::make_unique<Pipeline>();
  for (std::size_t i = 0; i < operations->size(); ++i) {
    RETURN_IF_ERROR(pipeline->add((*operations)[i], job, i, worker_id, registry));
  }
  if (!pipeline->reader_) return Error(ErrorCode::invalid, "operations[0]: must be a reader", false);
  return pipeline;
}

Result<void> Pipeline::add(const Json& options, const Json& job, std::size_t index, const std::string& worker_id,
                           const OperationRegistry& registry) {
  const std::string name(operation_name(options.value("_op", "")));
  auto place = fmt::format("operations[{}] {}", index, name);
  const auto* schema = registry.find(name);
  if (schema == nullptr)
    return Error(ErrorCode::invalid, fmt::format("{}: this worker does not know the operation", place), false);
  if (index > 0 && (schema->kind == OperationKind::reader || sender_)) {
    return Error(ErrorCode::invalid, fmt::format("{}: readers come first and senders last", place), false);
  }
  auto operation = registry.make(name);
  if (auto ready = operation->initialize({options, job, index, worker_id}); !ready)
    return with_context(ready.error(), place);
  needs_whole_slice_ = needs_whole_slice_ || schema->needs_whole_slice;
  if (schema->delivery != Delivery::none) delivery_ = schema->delivery;
  switch (schema->kind) {
    case OperationKind::reader: {
      ASSIGN_OR_RETURN(reader_, as_kind<Reader>(std::move(operation)));
      reader_place_ = std::move(place);
      return {};
    }
    case OperationKind::processor: {
      ASSIGN_OR_RETURN(auto processor, as_kind<Processor>(std::move(operation)));
      stages_.push_back({std::move(place), std::move(processor)});
      return {};
    }
    case OperationKind::sender: {
      ASSIGN_OR_RETURN(sender_, as_kind<Sender>(std::move(operation)));
      sender_place_ = std::move(place);
      return {};
    }
  }
  return Error(ErrorCode::internal, "unknown kind of operation", false);
}

Result<OutputFacts> Pipeline::run(const SliceContext& slice, const std::atomic<bool>* cancelled,
                                  PipelineCounts& counts) {
  const auto attempt = [&]() -> Result<OutputFacts> {
    RETURN_IF_ERROR(begin(slice));
    RETURN_IF_ERROR(stream(cancelled, counts));
    RETURN_IF_ERROR(finish(counts));
    if (is_set(cancelled)) return cancelled_error();
    if (!sender_) return OutputFacts();
    auto facts = sender_->stage();
    if (!facts) return with_context(facts.error(), sender_place_);
    return facts;
  };
  auto facts = attempt();
  if (!facts) abandon();
  sender_has_begun_ = false;
  return facts;
}

void Pipeline::abandon() {
  if (sender_ && sender_has_begun_) sender_->abandon();
  sender_has_begun_ = false;
}

Result<void> Pipeline::begin(const SliceContext& slice) {
  if (auto opened = reader_->open(slice); !opened) return with_context(opened.error(), reader_place_);
  for (auto& stage : stages_) {
    if (auto begun = stage.processor->begin(slice); !begun) return with_context(begun.error(), stage.place);
  }
  if (!sender_) return {};
  sender_has_begun_ = true;
  if (auto begun = sender_->begin(slice); !begun) return with_context(begun.error(), sender_place_);
  return {};
}

Result<void> Pipeline::stream(const std::atomic<bool>* cancelled, PipelineCounts& counts) {
  while (true) {
    RETURN_IF_ERROR(read_batch(cancelled));
    if (batch_.records.empty()) return {};
    counts.records_in += batch_.records.size();
    RETURN_IF_ERROR(pass(0, counts));
    if (needs_whole_slice_) return {};
  }
}

Result<void> Pipeline::read_batch(const std::atomic<bool>* cancelled) {
  batch_.clear();
  if (!needs_whole_slice_) {
    if (is_set(cancelled)) return cancelled_error();
    if (auto read = reader_->read(batch_); !read) return with_context(read.error(), reader_place_);
    return {};
  }
  while (true) {
    if (is_set(cancelled)) return cancelled_error();
    part_.clear();
    if (auto read = reader_->read(part_); !read) return with_context(read.error(), reader_place_);
    if (part_.records.empty()) return {};
    for (const auto record : part_.records) batch_.append_copy(record);
  }
}

Result<void> Pipeline::pass(std::size_t first, PipelineCounts& counts) {
  for (std::size_t i = first; i < stages_.size() && !batch_.records.empty(); ++i) {
    if (auto done = stages_[i].processor->process(batch_); !done) return with_context(done.error(), stages_[i].place);
  }
  if (batch_.records.empty()) return {};
  counts.records_out += batch_.records.size();
  if (!sender_) return {};
  if (auto written = sender_->write(batch_); !written) return with_context(written.error(), sender_place_);
  return {};
}

// What a processor held back goes through those behind it.
Result<void> Pipeline::finish(PipelineCounts& counts) {
  for (std::size_t i = 0; i < stages_.size(); ++i) {
    batch_.clear();
    if (auto done = stages_[i].processor->finish(batch_); !done) return with_context(done.error(), stages_[i].place);
    if (!batch_.records.empty()) RETURN_IF_ERROR(pass(i + 1, counts));
  }
  batch_.clear();
  return {};
}

}  // namespace slicemill
