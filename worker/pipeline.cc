#include "worker/pipeline.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "operations/readers/composite_reader.h"

namespace slicemill {
namespace {

// Reading the clock between operations would cost slices of microseconds a good part of their time: of those one in 32
// is measured.
constexpr std::uint64_t kShortSliceNs = 100'000;
constexpr std::uint64_t kShortSlicesUnmeasured = 31;

Error cancelled_error() {
  return {ErrorCode::cancelled, "cancelled"};
}

// Input that the device does not give (EIO) is like input that is bad: the slice fails in time, the others go on.
Error as_input_error(Error error) {
  error.obstacle = false;
  return error;
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

Result<std::unique_ptr<Pipeline>> Pipeline::make(const JobSpec& job, const std::string& worker_id,
                                                 const OperationRegistry& registry, Files& files) {
  if (job.plan.empty()) return Error(ErrorCode::invalid, "the job has no operations", false);
  auto pipeline = std::make_unique<Pipeline>();
  for (std::size_t i = 0; i < job.plan.size(); ++i) {
    RETURN_IF_ERROR(pipeline->add(job.plan.nodes[i].operation, job, i, worker_id, registry, files));
  }
  pipeline->may_measure_ = job.measures;
  pipeline->figures_.resize(job.plan.size());
  if (!pipeline->reader_) return Error(ErrorCode::invalid, "operations[0]: must be a reader", false);
  return pipeline;
}

Result<void> Pipeline::add(const OperationSpec& spec, const JobSpec& job, std::size_t index,
                           const std::string& worker_id, const OperationRegistry& registry, Files& files) {
  const std::string& name = spec.name;
  auto place = fmt::format("operations[{}] {}", index, name);
  const auto* schema = registry.find(name);
  if (schema == nullptr)
    return Error(ErrorCode::invalid, fmt::format("{}: this worker does not know the operation", place), false);
  if (index > 0 && (schema->kind == OperationKind::reader || sender_)) {
    return Error(ErrorCode::invalid, fmt::format("{}: readers come first and senders last", place), false);
  }
  auto operation = registry.make(name);
  if (auto ready = operation->initialize({spec, job, index, worker_id, &files, &quarantine_, &remarks_}); !ready)
    return with_context(ready.error(), place);
  places_.push_back(std::move(place));
  names_.push_back(name);
  quarantines_.push_back(spec.bad_records == BadRecords::quarantine);
  if (index == 0) reader_drops_ = spec.bad_records == BadRecords::log || spec.bad_records == BadRecords::drop;
  if (schema->delivery != Delivery::none) delivery_ = schema->delivery;
  switch (schema->kind) {
    case OperationKind::reader: {
      ASSIGN_OR_RETURN(auto reader, as_kind<Reader>(std::move(operation)));
      reader_ = make_composite_reader(std::move(reader));
      return {};
    }
    case OperationKind::processor: {
      ASSIGN_OR_RETURN(auto processor, as_kind<Processor>(std::move(operation)));
      stages_.push_back({std::move(processor), schema->needs_whole_slice});
      return {};
    }
    case OperationKind::sender: {
      ASSIGN_OR_RETURN(sender_, as_kind<Sender>(std::move(operation)));
      return {};
    }
  }
  return Error(ErrorCode::internal, "unknown kind of operation", false);
}

Result<StagedOutput> Pipeline::run(const SliceContext& slice, const std::atomic<bool>* cancelled,
                                   PipelineCounts& counts, const RecordSelection& selection) {
  const auto attempt = [&]() -> Result<StagedOutput> {
    RETURN_IF_ERROR(flow(slice, cancelled, counts, selection));
    if (!sender_) return StagedOutput();
    auto output = sender_->stage();
    lap(stages_.size() + 1);
    if (!output) return failure(output.error());
    if (output->sync) {
      output->sync = [sync = std::move(output->sync), place = places_.back()]() -> Result<void> {
        if (auto synced = sync(); !synced) return with_context(synced.error(), place);
        return {};
      };
    }
    return output;
  };
  auto output = attempt();
  if (!output) abandon();
  if (may_measure_) end_figures(counts);
  end_slice();
  return output;
}

Result<void> Pipeline::try_records(const SliceContext& slice, const std::atomic<bool>* cancelled,
                                   const RecordSelection& selection) {
  PipelineCounts counts;
  auto passed = flow(slice, cancelled, counts, selection);
  abandon();
  end_slice();
  return passed;
}

Result<std::uint64_t> Pipeline::count_records(const SliceContext& slice, const std::atomic<bool>* cancelled) {
  RETURN_IF_ERROR(open_redriven(slice));
  if (redriven_) return redriven_->records.size();
  enter(0);
  if (auto opened = reader_->open(slice); !opened) return failure(opened.error());
  std::uint64_t count = 0;
  while (!is_set(cancelled)) {
    batch_.clear();
    if (auto read = reader_->read(batch_); !read) return failure(read.error());
    if (batch_.records.empty()) return count;
    count += batch_.records.size();
  }
  return cancelled_error();
}

Result<void> Pipeline::flow(const SliceContext& slice, const std::atomic<bool>* cancelled, PipelineCounts& counts,
                            const RecordSelection& selection) {
  begin_figures();
  RETURN_IF_ERROR(open_redriven(slice));
  RETURN_IF_ERROR(begin(slice));
  RETURN_IF_ERROR(redriven_ ? stream_redriven(slice, cancelled, counts, selection)
                            : stream(cancelled, counts, selection));
  RETURN_IF_ERROR(finish(counts));
  if (is_set(cancelled)) return cancelled_error();
  enter(stages_.size() + (sender_ ? 1 : 0));
  return {};
}

void Pipeline::end_slice() {
  stages_begun_ = 0;
  sender_has_begun_ = false;
}

void Pipeline::abandon() {
  for (std::size_t i = 0; i < stages_begun_; ++i) stages_[i].processor->abandon();
  stages_begun_ = 0;
  if (sender_ && sender_has_begun_) sender_->abandon();
  sender_has_begun_ = false;
}

Result<void> Pipeline::begin(const SliceContext& slice) {
  enter(0);
  if (!redriven_) {
    if (auto opened = reader_->open(slice); !opened) return failure(opened.error());
  }
  lap(0);
  for (auto& stage : stages_) {
    enter(++stages_begun_);
    if (auto begun = stage.processor->begin(slice); !begun) return failure(begun.error());
    lap(stages_begun_);
    if (stage.needs_whole_slice) stage.held.clear();
  }
  if (!sender_) return {};
  sender_has_begun_ = true;
  source_columns_.clear();
  enter(stages_.size() + 1);
  if (auto begun = sender_->begin(slice); !begun) return failure(begun.error());
  lap(stages_.size() + 1);
  return {};
}

Result<void> Pipeline::stream(const std::atomic<bool>* cancelled, PipelineCounts& counts,
                              const RecordSelection& selection) {
  std::uint64_t number = 0;
  while (true) {
    if (is_set(cancelled)) return cancelled_error();
    batch_.clear();
    enter(0);
    const std::size_t refused_before = quarantine_.size();
    if (auto read = reader_->read(batch_); !read) return failure(as_input_error(read.error()));
    lap(0);
    counts.records_in += batch_.records.size() + quarantine_.size() - refused_before;
    if (batch_.records.empty()) return {};
    count(0);
    const std::uint64_t first = number;
    number += batch_.records.size();
    RETURN_IF_ERROR(tell_columns());
    RETURN_IF_ERROR(select(first, selection));
    RETURN_IF_ERROR(pass(0, counts));
  }
}

Result<void> Pipeline::tell_columns() {
  const auto* columns = reader_->columns();
  if (columns == nullptr || !sender_ || *columns == source_columns_) return {};
  source_columns_ = *columns;
  std::vector<std::string> sent = source_columns_;
  for (const auto& stage : stages_) stage.processor->change_columns(sent);
  enter(stages_.size() + 1);
  if (auto told = sender_->expect_columns(sent); !told) return failure(told.error());
  return {};
}

Result<void> Pipeline::select(std::uint64_t first, const RecordSelection& selection) {
  const std::uint64_t end = first + batch_.records.size();
  const bool has_bad = selection.bad != nullptr && !selection.bad->empty();
  if (selection.from <= first && end <= selection.to && !has_bad) return {};
  static const std::map<std::uint64_t, BadRecord> kNone;
  const auto& bad = has_bad ? *selection.bad : kNone;
  auto next_bad = bad.lower_bound(first);
  std::size_t kept = 0;
  for (std::uint64_t number = first; number < end; ++number) {
    const std::string_view record = batch_.records[number - first];
    if (number < selection.from || number >= selection.to) continue;
    if (next_bad != bad.end() && next_bad->first == number) {
      RETURN_IF_ERROR(quarantine_bad(next_bad->second, {PipelineEntry::kRecords, ""},
                                     fmt::format("record {} of {}", number + 1, quarantine_.origin()), record));
      ++next_bad;
      continue;
    }
    batch_.records[kept++] = record;
  }
  batch_.records.resize(kept);
  return {};
}

Result<void> Pipeline::quarantine_bad(const BadRecord& bad, const PipelineEntry& entry, std::string place,
                                      std::string_view bytes) {
  return quarantine_.add({.operation = bad.operation,
                          .entry = entry,
                          .place = std::move(place),
                          .bytes = std::string(bytes),
                          .error = bad.error});
}

Result<void> Pipeline::pass(std::size_t first, PipelineCounts& counts) {
  if (batch_.records.empty()) return {};
  if (first == stages_.size()) return send(counts);
  auto& stage = stages_[first];
  if (!stage.needs_whole_slice) return process(first, counts);
  if (stage.held.records.empty()) {
    std::swap(stage.held, batch_);  // a slice of one batch is not copied
  } else {
    for (const auto record : batch_.records) stage.held.append_copy(record);
  }
  return {};
}

Result<void> Pipeline::process(std::size_t index, PipelineCounts& counts) {
  enter(index + 1);
  if (auto done = stages_[index].processor->process(batch_); !done) return failure(done.error());
  lap(index + 1);
  return pass_on(index, counts);
}

Result<void> Pipeline::pass_on(std::size_t index, PipelineCounts& counts) {
  auto& stage = stages_[index];
  while (true) {
    count(index + 1);
    RETURN_IF_ERROR(pass(index + 1, counts));
    enter(index + 1);
    const auto more = stage.processor->more(batch_);
    if (!more) return failure(more.error());
    if (!*more) return {};
    lap(index + 1);
  }
}

Result<void> Pipeline::send(PipelineCounts& counts) {
  if (!sender_) {
    counts.records_out += batch_.records.size();
    return {};
  }
  enter(stages_.size() + 1);
  if (auto written = sender_->write(batch_); !written) return failure(written.error());
  counts.records_out += batch_.records.size();  // the sender may have rejected some
  lap(stages_.size() + 1);
  count(stages_.size() + 1);
  return {};
}

void Pipeline::begin_figures() {
  measures_ = may_measure_ && unmeasured_ == 0;
  if (unmeasured_ > 0) --unmeasured_;
  if (!may_measure_) return;
  figures_.assign(figures_.size(), {});
  if (measures_) lap_begin_ = std::chrono::steady_clock::now();
}

void Pipeline::end_figures(PipelineCounts& counts) {
  counts.operations = figures_;
  if (!measures_) return;
  std::uint64_t total_ns = 0;
  for (const auto& figures : figures_) total_ns += figures.time_ns;
  if (total_ns < kShortSliceNs) unmeasured_ = kShortSlicesUnmeasured;
}

void Pipeline::lap(std::size_t operation) {
  if (!measures_) return;
  const auto now = std::chrono::steady_clock::now();
  figures_[operation].time_ns += static_cast<std::uint64_t>((now - lap_begin_).count());
  lap_begin_ = now;
}

void Pipeline::count(std::size_t operation) {
  if (!may_measure_ || batch_.records.empty()) return;
  figures_[operation].records += batch_.records.size();
  figures_[operation].bytes += batch_.bytes();
}

// What a processor held back goes through those behind it.
Result<void> Pipeline::finish(PipelineCounts& counts) {
  for (std::size_t i = 0; i < stages_.size(); ++i) {
    auto& stage = stages_[i];
    if (stage.needs_whole_slice && !stage.held.records.empty()) {
      std::swap(batch_, stage.held);
      stage.held.clear();
      RETURN_IF_ERROR(process(i, counts));
    }
    batch_.clear();
    enter(i + 1);
    if (auto done = stage.processor->finish(batch_); !done) return failure(done.error());
    lap(i + 1);
    RETURN_IF_ERROR(pass_on(i, counts));
  }
  batch_.clear();
  return {};
}

}  // namespace slicemill
