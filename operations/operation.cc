#include "operations/operation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "core/model/asset_bundle.h"
#include "core/runtime/log.h"
#include "operations/json_record.h"

namespace slicemill {
namespace {

// A batch of the target size fits into one block with room for records that are a little too long.
constexpr std::size_t kBlockBytes = RecordBatch::kTargetBytes + (64 << 10);

// Where a record goes on that this node rejected.
PipelineEntry entry_at(const OperationContext& context) {
  const Plan& plan = context.job.plan;
  if (plan.form == Plan::Form::graph) {
    if (plan.nodes[context.index].inputs.empty()) return {PipelineEntry::kText, ""};
    return {PipelineEntry::kNamed, plan.nodes[context.index].id};
  }
  const auto index = static_cast<std::uint32_t>(context.index);
  return {index, index > PipelineEntry::kRecords ? context.operation.name : ""};
}

}  // namespace

char* RecordBatch::allocate(std::size_t size) {
  const std::size_t needed = size + kPadding;
  while (current_ < blocks_.size() && blocks_[current_].size - blocks_[current_].used < needed) ++current_;
  if (current_ == blocks_.size()) {
    const std::size_t block_size = std::max(kBlockBytes, needed);
    blocks_.push_back({std::make_unique_for_overwrite<char[]>(block_size), block_size, 0});
  }
  Block& block = blocks_[current_];
  char* start = block.data.get() + block.used;
  block.used += size;
  return start;
}

void RecordBatch::shrink_last(char* start, std::size_t used) {
  Block& block = blocks_[current_];
  block.used = static_cast<std::size_t>(start - block.data.get()) + used;
}

std::string_view RecordBatch::copy(std::string_view bytes) {
  char* space = allocate(bytes.size());
  if (!bytes.empty()) std::memcpy(space, bytes.data(), bytes.size());
  return {space, bytes.size()};
}

void RecordBatch::append_copy(std::string_view record) {
  records.push_back(copy(record));
  if (!metadata.empty()) metadata.emplace_back();
}

void RecordBatch::append_copy(const RecordBatch& other, std::size_t i) {
  append_copy(other.records[i]);
  if (other.metadata.empty() || other.metadata[i].empty()) return;
  begin_metadata();
  metadata.back() = {copy(other.metadata[i].key), copy(other.metadata[i].route)};
}

void RecordBatch::borrow(const RecordBatch& other) {
  clear();
  records = other.records;
  metadata = other.metadata;
  tokens.copy_of(other.tokens);
  borrows_ = true;
}

void RecordBatch::clear() {
  borrows_ = false;
  records.clear();
  metadata.clear();
  tokens.clear();
  std::size_t kept = 0;
  std::erase_if(blocks_, [&](Block& block) {
    if (kept + block.size > kKeptBytes) return true;
    kept += block.size;
    block.used = 0;
    return false;
  });
  current_ = 0;
}

std::size_t RecordBatch::bytes() const {
  std::size_t sum = 0;
  for (const auto& record : records) sum += record.size();
  return sum;
}

std::string OperationContext::asset_directory(std::string_view asset_id_or_name) const {
  const auto bundle = find_bundle(job.bundles, asset_id_or_name);
  return bundle ? bundle->directory : std::string();
}

OperationRemark OperationContext::remark(std::string_view text) const {
  return {remarks, fmt::format("{}: {}", place(), text)};
}

std::string OperationContext::node() const {
  return index < job.plan.size() ? job.plan.node_name(index) : fmt::format("operations[{}]", index);
}

std::string OperationContext::place() const {
  return job.plan.form == Plan::Form::graph ? job.plan.place(index)
                                            : fmt::format("operations[{}] {}", index, operation.name);
}

RecordRejecter::RecordRejecter(const OperationContext& context) {
  place_ = context.place();
  action_ = context.operation.bad_records;
  entry_ = entry_at(context);
  quarantine_ = context.quarantine;
  if (action_ == BadRecords::quarantine && quarantine_ == nullptr) action_ = BadRecords::fail_slice;
}

Result<void> RecordRejecter::reject(std::string_view record, const RecordMetadata& metadata, const Error& why,
                                    std::string_view place) {
  ++rejected_;
  const auto refused = [&](std::string_view bytes) {
    return QuarantinedRecord{.operation = place_,
                             .entry = entry_,
                             .place = std::string(place),
                             .bytes = std::string(bytes),
                             .error = why.message,
                             .metadata = to_text(metadata)};
  };
  if (action_ == BadRecords::quarantine) return quarantine_->add(refused(record));
  if (action_ == BadRecords::fail_slice) {
    if (quarantine_ != nullptr) quarantine_->fail_at(refused(record.substr(0, RecordQuarantine::kFailedBytes)));
    return Error(why.code, why.message, false);
  }
  if (action_ == BadRecords::log) {
    log(LogLevel::error, "{}: dropped record {}: {}", place_, record_head(record), why.message);
  }
  return {};
}

Result<void> RecordRejecter::reject_product(std::string_view record, const Error& why) {
  if (action_ != BadRecords::quarantine) return reject(record, why);
  ++rejected_;
  return Error(why.code, why.message, false);
}

Result<void> Reader::open_text(const SliceContext&, std::string_view) {
  return Error(ErrorCode::unsupported, "the reader makes no records of single texts, so it cannot take them back",
               false);
}

OperationSchema schema_of_sink(const SinkType& sink) {
  OperationSchema schema;
  schema.name = sink.operation;
  schema.kind = OperationKind::sender;
  schema.commit = sink.commit;
  return schema;
}

void OperationRegistry::add(OperationEntry entry) {
  entries_.push_back(std::move(entry));
}

const OperationSchema* OperationRegistry::find(std::string_view name) const {
  for (const auto& entry : entries_) {
    if (entry.schema.name == name) return &entry.schema;
  }
  return nullptr;
}

std::vector<const OperationSchema*> OperationRegistry::all() const {
  std::vector<const OperationSchema*> schemas;
  for (const auto& entry : entries_) schemas.push_back(&entry.schema);
  std::sort(schemas.begin(), schemas.end(),
            [](const auto* a, const auto* b) { return std::tie(a->kind, a->name) < std::tie(b->kind, b->name); });
  return schemas;
}

std::unique_ptr<Operation> OperationRegistry::make(std::string_view name) const {
  for (const auto& entry : entries_) {
    if (entry.schema.name == name) return entry.make();
  }
  return nullptr;
}

}  // namespace slicemill
