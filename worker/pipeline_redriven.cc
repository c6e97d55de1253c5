// Pipeline, second part: slices of records that were quarantined once. They enter where each of them was refused.
#include <fmt/format.h>

#include <algorithm>

#include "worker/pipeline.h"

namespace slicemill {

// A slice begins: what it is made of decides where its records come from.
Result<void> Pipeline::open_redriven(const SliceContext& slice) {
  redriven_.reset();
  enter(0);
  quarantine_.begin(slice.request);
  if (!is_redriven_request(slice.request)) return {};
  ASSIGN_OR_RETURN(RedrivenRequest request, parse_redriven_request(slice.request));
  ASSIGN_OR_RETURN(entry_, entry_node(request.entry));
  for (const auto& record : request.records) quarantine_.expect(record.bytes, record.place);
  redriven_ = std::move(request);
  return {};
}

// The job may have been changed since: in a list the operation stands where it stood, or is the only one of its name;
// in a graph it has its id.
Result<std::size_t> Pipeline::entry_node(const PipelineEntry& entry) const {
  if (entry.index <= PipelineEntry::kRecords) return 0;
  std::vector<std::size_t> named;
  for (std::size_t at = 1; at < nodes_.size(); ++at) {
    if (nodes_[at].name != entry.operation) continue;
    if (is_list_ && nodes_[at].number == entry.index) return at;
    named.push_back(at);
  }
  if (named.size() == 1) return named.front();
  return Error(ErrorCode::invalid,
               is_list_ ? fmt::format("the records were to go on at operations[{}] {}, which the job {}", entry.index,
                                      entry.operation, named.empty() ? "no longer has" : "now has elsewhere, and twice")
                        : fmt::format("{}: the records were to go on at {}, which the job no longer has behind it",
                                      nodes_.front().place, entry.operation),
               false);
}

Result<void> Pipeline::stream_redriven(const SliceContext& slice, const std::atomic<bool>* cancelled,
                                       PipelineCounts& counts, const RecordSelection& selection) {
  batch_.clear();
  for (std::uint64_t number = 0; number < redriven_->records.size(); ++number) {
    if (cancelled != nullptr && cancelled->load(std::memory_order_relaxed))
      return Error(ErrorCode::cancelled, "cancelled");
    if (number < selection.from || number >= selection.to) continue;
    const auto& record = redriven_->records[number];
    ++counts.records_in;
    if (selection.bad != nullptr) {
      const auto bad = selection.bad->find(number);
      if (bad != selection.bad->end()) {
        RETURN_IF_ERROR(quarantine_bad(bad->second, redriven_->entry, record.place, record.bytes, record.metadata));
        continue;
      }
    }
    if (redriven_->entry.index == PipelineEntry::kText) {
      RETURN_IF_ERROR(read_text(slice, record.bytes, counts));
    } else {
      RETURN_IF_ERROR(append_redriven(record));
    }
  }
  if (redriven_->entry.index == PipelineEntry::kText || batch_.records.empty()) return {};
  return entry_ == 0 ? give(0, batch_, counts) : take(entry_, batch_, counts);
}

Result<void> Pipeline::append_redriven(const RedrivenRequest::Record& record) {
  batch_.append_copy(record.bytes);
  if (record.metadata.empty()) return {};
  auto metadata = parse_metadata(record.metadata);
  if (!metadata) return failure(metadata.error());
  batch_.begin_metadata();
  batch_.metadata.back() = {batch_.copy(metadata->key), batch_.copy(metadata->route)};
  return {};
}

Result<void> Pipeline::read_text(const SliceContext& slice, std::string_view text, PipelineCounts& counts) {
  enter(0);
  const std::size_t refused_before = quarantine_.size();
  if (auto opened = reader_->open_text(slice, text); !opened) return failure(opened.error());
  bool is_used = false;
  while (true) {
    batch_.clear();
    enter(0);
    if (auto read = reader_->read(batch_); !read) return failure(read.error());
    if (batch_.records.empty()) break;
    is_used = true;
    RETURN_IF_ERROR(give(0, batch_, counts));
  }
  if (is_used || reader_drops_ || quarantine_.size() > refused_before) return {};
  // It would be lost without a word.
  return failure(Error(ErrorCode::invalid, "a redriven text gave no record", false));
}

}  // namespace slicemill
