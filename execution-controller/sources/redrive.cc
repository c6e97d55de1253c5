#include "execution-controller/sources/redrive.h"

#include <algorithm>
#include <utility>

#include "core/ledger/slice_record_json.h"
#include "core/runtime/fault.h"

namespace slicemill::controller {
namespace {

constexpr std::uint64_t kRecordsPerPage = 2048;
constexpr std::size_t kRecordsPerSlice = 256;
constexpr std::size_t kBytesPerSlice = 256 << 10;
constexpr std::uint64_t kMostAhead = 64;  // slices: each holds its records

}  // namespace

Redrive::Redrive(Loop& loop, const SliceLedger& ledger, LedgerWriter& writer, bool wanted, std::size_t sources,
                 std::optional<MendedRecords> chosen, Hooks hooks)
    : loop_(loop),
      ledger_(ledger),
      writer_(writer),
      chosen_(std::move(chosen)),
      hooks_(std::move(hooks)),
      positions_(ledger.header().positions),
      is_by_slicer_(sources > 1),
      finished_(!wanted) {}

void Redrive::fill(std::uint64_t waiting, std::uint64_t ahead) {
  if (finished_ || halted_ || reading_ || waiting >= std::min(ahead, kMostAhead)) return;
  reading_ = true;
  auto page = std::make_shared<Result<std::vector<QuarantineRow>>>(std::vector<QuarantineRow>());
  loop_.offload(
      Loop::Executor::query,
      [ledger = &ledger_, page, after = after_] { *page = ledger->quarantine(after, 0, kRecordsPerPage); },
      [this, page, alive = std::weak_ptr<bool>(alive_)] {
        if (!alive.expired()) page_read(std::move(*page));
      });
}

void Redrive::choose(std::vector<QuarantineRow>& page) const {
  const LedgerHeader& header = ledger_.header();
  // What this execution itself has quarantined is not for it to run again.
  std::erase_if(page, [&](const QuarantineRow& row) { return row.settled_in >= header.generation(); });
  if (!chosen_) return;
  std::erase_if(page, [&](QuarantineRow& row) {
    const auto chosen = chosen_->find(quarantine_id(row.at, header.lineage));
    if (chosen == chosen_->end()) return true;
    row.record.bytes = chosen->second;
    return false;
  });
}

void Redrive::page_read(Result<std::vector<QuarantineRow>> page) {
  reading_ = false;
  if (!page) {
    hooks_.on_fatal(page.error());
    return;
  }
  if (halted_) {
    hooks_.on_change();
    return;
  }
  if (page->empty()) {
    finished_ = true;
    hooks_.on_change();
    return;
  }
  after_ = page->back().at;
  choose(*page);
  if (page->empty()) {
    hooks_.on_change();
    return;
  }
  const auto runs = runs_of(*page);
  auto& batch = writer_.batch();
  for (const auto& run : runs) {
    batch.created.push_back(*run);
    batch.positions[run->slicer] = positions_[run->slicer];
  }
  for (const auto& row : *page) batch.released.push_back(row.at);
  reading_ = true;  // until they are created
  writer_.after_sync([this, runs] {
    reading_ = false;
    if (!fault("redriven")) {
      hooks_.on_fatal(Error(ErrorCode::io, "fault point redriven fired"));
      return;
    }
    for (const auto& run : runs) hooks_.on_created({run, 0, run->count()});
    hooks_.on_change();
  });
}

std::vector<std::shared_ptr<SliceRun>> Redrive::runs_of(const std::vector<QuarantineRow>& rows) {
  std::map<std::uint32_t, std::vector<const QuarantineRow*>> by_slicer;
  for (const QuarantineRow& row : rows) by_slicer[is_by_slicer_ ? row.at.slice.slicer : 0].push_back(&row);
  std::vector<std::shared_ptr<SliceRun>> runs;
  for (const auto& [slicer, own] : by_slicer) {
    SlicerPosition& position = positions_[slicer];
    runs.push_back(std::make_shared<SliceRun>(SliceRun{.generation = ledger_.header().generation(),
                                                       .slicer = slicer,
                                                       .first_order = position.highest_order + 1,
                                                       .created_ms = loop_.wall_ms(),
                                                       .requests = slices_of(own)}));
    position.highest_order += runs.back()->count();
  }
  return runs;
}

ListRequests Redrive::slices_of(const std::vector<const QuarantineRow*>& rows) {
  ListRequests list;
  RedrivenRequest request;
  std::size_t bytes = 0;
  const auto cut = [&] {
    if (request.records.empty()) return;
    list.requests.push_back(to_text(request));
    request.records.clear();
    bytes = 0;
  };
  for (const QuarantineRow* row : rows) {
    const QuarantinedRecord& record = row->record;
    if (record.entry != request.entry || request.records.size() == kRecordsPerSlice ||
        bytes + record.bytes.size() > kBytesPerSlice)
      cut();
    request.entry = record.entry;
    request.records.push_back({record.place, record.bytes, record.metadata});
    bytes += record.bytes.size();
  }
  cut();
  return list;
}

}  // namespace slicemill::controller
