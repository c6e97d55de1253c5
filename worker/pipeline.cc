#include "worker/pipeline.h"

#include <fmt/format.h>

#include <algorithm>
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

Result<std::unique_ptr<Pipeline>> Pipeline::make(const JobSpec& job, std::size_t source, const RunnerPlace& place,
                                                 const OperationRegistry& registry, Files& files) {
  const Plan& plan = job.plan;
  if (plan.empty()) return Error(ErrorCode::invalid, "the job has no operations", false);
  auto pipeline = std::make_unique<Pipeline>();
  pipeline->is_list_ = plan.form == Plan::Form::list;
  for (const std::size_t node : plan.behind(source)) RETURN_IF_ERROR(pipeline->add(node, job, place, registry, files));
  pipeline->connect(plan);
  pipeline->may_measure_ = job.measures;
  pipeline->figures_.resize(plan.size());
  return pipeline;
}

Result<void> Pipeline::add(std::size_t number, const JobSpec& job, const RunnerPlace& place,
                           const OperationRegistry& registry, Files& files) {
  const OperationSpec& spec = job.plan.operation(number);
  Node node{.number = number,
            .place = job.plan.place(number),
            .name = is_list_ ? spec.name : job.plan.nodes[number].id,
            .quarantines = spec.bad_records == BadRecords::quarantine};
  const auto wrong = [&](std::string_view why) {
    return Error(ErrorCode::invalid, fmt::format("{}: {}", node.place, why), false);
  };
  const auto* schema = registry.find(spec.name);
  if (schema == nullptr) return wrong("this worker does not know the operation");
  if (nodes_.empty() && schema->kind != OperationKind::reader) return wrong("must be a reader");
  if (!nodes_.empty() && schema->kind == OperationKind::reader) return wrong("a reader has no input");
  if (schema->kind == OperationKind::sender && !job.plan.outputs_of(number).empty())
    return wrong("a sender gives no records to others");
  auto operation = registry.make(spec.name);
  const OperationContext context{.operation = spec,
                                 .job = job,
                                 .index = number,
                                 .worker_id = place.worker_id,
                                 .files = &files,
                                 .quarantine = &quarantine_,
                                 .remarks = &remarks_,
                                 .log_directory = place.log_directory};
  if (auto ready = operation->initialize(context); !ready) return with_context(ready.error(), node.place);
  delivery_ = std::max(delivery_, delivery_of(schema->commit));
  switch (schema->kind) {
    case OperationKind::reader: {
      ASSIGN_OR_RETURN(auto reader, as_kind<Reader>(std::move(operation)));
      reader_ = make_composite_reader(std::move(reader));
      reader_drops_ = spec.bad_records == BadRecords::log || spec.bad_records == BadRecords::drop;
      break;
    }
    case OperationKind::processor: {
      ASSIGN_OR_RETURN(node.processor, as_kind<Processor>(std::move(operation)));
      node.needs_whole_slice = schema->needs_whole_slice;
      node.changes_batches = node.needs_whole_slice || node.processor->changes_batches();
      break;
    }
    case OperationKind::sender: {
      ASSIGN_OR_RETURN(node.sender, as_kind<Sender>(std::move(operation)));
      node.changes_batches = node.sender->changes_batches();
      break;
    }
  }
  nodes_.push_back(std::move(node));
  return {};
}

void Pipeline::connect(const Plan& plan) {
  const auto sinks = plan.sinks();
  for (std::size_t at = nodes_.size(); at-- > 0;) {
    Node& node = nodes_[at];
    const auto sink = std::ranges::find(sinks, node.number);
    if (sink != sinks.end()) node.sink = static_cast<std::uint32_t>(sink - sinks.begin());
    for (const std::size_t output : plan.outputs_of(node.number))
      for (std::size_t to = at + 1; to < nodes_.size(); ++to)
        if (nodes_[to].number == output) node.outputs.push_back(to);
    std::stable_partition(node.outputs.begin(), node.outputs.end(),
                          [&](std::size_t to) { return !nodes_[to].changes_batches; });
    for (const std::size_t to : node.outputs) node.changes_batches |= nodes_[to].changes_batches;
  }
}

Result<StagedOutput> Pipeline::run(const SliceContext& slice, const std::atomic<bool>* cancelled,
                                   PipelineCounts& counts, const RecordSelection& selection) {
  const auto attempt = [&]() -> Result<StagedOutput> {
    RETURN_IF_ERROR(flow(slice, cancelled, counts, selection));
    return stage();
  };
  auto output = attempt();
  if (!output) abandon();
  if (may_measure_) end_figures(counts);
  end_slice();
  return output;
}

Result<StagedOutput> Pipeline::stage() {
  std::vector<OutputFacts> facts;
  std::vector<std::function<Result<void>()>> syncs;
  std::string value;
  for (std::size_t at = 1; at < nodes_.size(); ++at) {
    Node& node = nodes_[at];
    if (!node.sender) continue;
    enter(at);
    auto output = node.sender->stage();
    lap(at);
    if (!output) return failure(output.error());
    output->facts.sink = node.sink;
    facts.push_back(std::move(output->facts));
    if (!output->value.empty()) value = std::move(output->value);
    if (!output->sync) continue;
    syncs.emplace_back([sync = std::move(output->sync), place = node.place]() -> Result<void> {
      if (auto synced = sync(); !synced) return with_context(synced.error(), place);
      return {};
    });
  }
  StagedOutput staged{.facts = output_of_sinks(std::move(facts)), .value = std::move(value)};
  if (syncs.size() == 1) staged.sync = std::move(syncs.front());
  if (syncs.size() > 1)
    staged.sync = [syncs = std::move(syncs)]() -> Result<void> {
      for (const auto& sync : syncs) RETURN_IF_ERROR(sync());
      return {};
    };
  return staged;
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
  enter(nodes_.size() - 1);
  return {};
}

void Pipeline::end_slice() {
  for (Node& node : nodes_) node.has_begun = false;
}

void Pipeline::abandon() {
  for (Node& node : nodes_) {
    if (!std::exchange(node.has_begun, false)) continue;
    if (node.processor) node.processor->abandon();
    if (node.sender) node.sender->abandon();
  }
}

Result<void> Pipeline::begin(const SliceContext& slice) {
  enter(0);
  if (!redriven_) {
    if (auto opened = reader_->open(slice); !opened) return failure(opened.error());
  }
  lap(0);
  source_columns_.clear();
  for (std::size_t at = 1; at < nodes_.size(); ++at) {
    Node& node = nodes_[at];
    enter(at);
    node.has_begun = true;
    if (auto begun = node.sender ? node.sender->begin(slice) : node.processor->begin(slice); !begun)
      return failure(begun.error());
    lap(at);
    node.columns.clear();
    if (node.needs_whole_slice) node.held.clear();
  }
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
    count(0, batch_);
    const std::uint64_t first = number;
    number += batch_.records.size();
    RETURN_IF_ERROR(tell_columns());
    RETURN_IF_ERROR(select(first, selection));
    RETURN_IF_ERROR(give(0, batch_, counts));
  }
}

Result<void> Pipeline::tell_columns() {
  const auto* columns = reader_->columns();
  if (columns == nullptr || *columns == source_columns_) return {};
  source_columns_ = *columns;
  for (Node& node : nodes_) node.columns.clear();
  for (std::size_t at = 0; at < nodes_.size(); ++at) {
    Node& node = nodes_[at];
    if (at == 0) node.columns = source_columns_;
    if (node.processor) node.processor->change_columns(node.columns);
    if (node.sender) {
      enter(at);
      if (auto told = node.sender->expect_columns(node.columns); !told) return failure(told.error());
    }
    for (const std::size_t to : node.outputs)
      for (const std::string& name : node.columns)
        if (std::ranges::find(nodes_[to].columns, name) == nodes_[to].columns.end()) nodes_[to].columns.push_back(name);
  }
  return {};
}

Result<void> Pipeline::select(std::uint64_t first, const RecordSelection& selection) {
  const std::uint64_t end = first + batch_.records.size();
  const bool has_bad = selection.bad != nullptr && !selection.bad->empty();
  if (selection.from <= first && end <= selection.to && !has_bad) return {};
  static const std::map<std::uint64_t, BadRecord> kNone;
  const auto& bad = has_bad ? *selection.bad : kNone;
  auto next_bad = bad.lower_bound(first);
  RecordKeeper keeper(batch_);
  for (std::uint64_t number = first; number < end; ++number) {
    const std::string_view record = batch_.records[number - first];
    if (number < selection.from || number >= selection.to) continue;
    if (next_bad != bad.end() && next_bad->first == number) {
      RETURN_IF_ERROR(quarantine_bad(next_bad->second, {PipelineEntry::kRecords, ""},
                                     fmt::format("record {} of {}", number + 1, quarantine_.origin()), record, {}));
      ++next_bad;
      continue;
    }
    keeper.keep(number - first, record);
  }
  keeper.end();
  return {};
}

Result<void> Pipeline::quarantine_bad(const BadRecord& bad, const PipelineEntry& entry, std::string place,
                                      std::string_view bytes, std::string metadata) {
  return quarantine_.add({.operation = bad.operation,
                          .entry = entry,
                          .place = std::move(place),
                          .bytes = std::string(bytes),
                          .error = bad.error,
                          .metadata = std::move(metadata)});
}

Result<void> Pipeline::give(std::size_t from, RecordBatch& batch, PipelineCounts& counts) {
  if (batch.records.empty()) return {};
  const auto& outputs = nodes_[from].outputs;
  if (outputs.empty()) {
    counts.records_out += batch.records.size();
    return {};
  }
  for (std::size_t i = 0; i + 1 < outputs.size(); ++i) {
    Node& to = nodes_[outputs[i]];
    if (to.changes_batches) to.branch.borrow(batch);
    RETURN_IF_ERROR(take(outputs[i], to.changes_batches ? to.branch : batch, counts));
  }
  return take(outputs.back(), batch, counts);
}

Result<void> Pipeline::take(std::size_t node, RecordBatch& batch, PipelineCounts& counts) {
  if (nodes_[node].sender) return send(node, batch, counts);
  if (nodes_[node].needs_whole_slice) return hold(node, batch);
  return process(node, batch, counts);
}

Result<void> Pipeline::hold(std::size_t node, RecordBatch& batch) {
  RecordBatch& held = nodes_[node].held;
  if (held.records.empty() && !batch.borrows()) {
    std::swap(held, batch);  // a slice of one batch is not copied
  } else {
    for (std::size_t i = 0; i < batch.records.size(); ++i) held.append_copy(batch, i);
  }
  return {};
}

Result<void> Pipeline::process(std::size_t node, RecordBatch& batch, PipelineCounts& counts) {
  enter(node);
  if (auto done = nodes_[node].processor->process(batch); !done) return failure(done.error());
  lap(node);
  return pass_on(node, batch, counts);
}

Result<void> Pipeline::pass_on(std::size_t node, RecordBatch& batch, PipelineCounts& counts) {
  while (true) {
    count(node, batch);
    RETURN_IF_ERROR(give(node, batch, counts));
    enter(node);
    const auto more = nodes_[node].processor->more(batch);
    if (!more) return failure(more.error());
    if (!*more) return {};
    lap(node);
  }
}

Result<void> Pipeline::send(std::size_t node, RecordBatch& batch, PipelineCounts& counts) {
  enter(node);
  if (auto written = nodes_[node].sender->write(batch); !written) return failure(written.error());
  counts.records_out += batch.records.size();  // the sender may have rejected some
  lap(node);
  count(node, batch);
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

void Pipeline::lap(std::size_t node) {
  if (!measures_) return;
  const auto now = std::chrono::steady_clock::now();
  figures_[nodes_[node].number].time_ns += static_cast<std::uint64_t>((now - lap_begin_).count());
  lap_begin_ = now;
}

void Pipeline::count(std::size_t node, const RecordBatch& batch) {
  if (!may_measure_ || batch.records.empty()) return;
  wire::OperationFigures& figures = figures_[nodes_[node].number];
  figures.records += batch.records.size();
  figures.bytes += batch.bytes();
}

// What a processor held back goes through those behind it.
Result<void> Pipeline::finish(PipelineCounts& counts) {
  for (std::size_t at = 1; at < nodes_.size(); ++at) {
    Node& node = nodes_[at];
    if (!node.processor) continue;
    if (node.needs_whole_slice && !node.held.records.empty()) {
      std::swap(batch_, node.held);
      node.held.clear();
      RETURN_IF_ERROR(process(at, batch_, counts));
    }
    batch_.clear();
    enter(at);
    if (auto done = node.processor->finish(batch_); !done) return failure(done.error());
    lap(at);
    RETURN_IF_ERROR(pass_on(at, batch_, counts));
  }
  batch_.clear();
  return {};
}

}  // namespace slicemill
