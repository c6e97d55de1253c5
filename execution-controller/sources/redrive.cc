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

Redrive::Redrive(Loop& loop, const SliceLedger& ledger, LedgerWriter& writer, bool wanted,
                 std::optional<MendedRecords> chosen, Hooks hooks)
    : loop_(loop),
      ledger_(ledger),
      writer_(writer),
      chosen_(std::move(chosen)),
      hooks_(std::move(hooks)),
      finished_(!wanted) {
  const auto& positions = ledger.header().positions;
  if (const auto stored = positions.find(0); stored != positions.end()) position_ = stored->second;
}

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
  const std::uint16_t generation = ledger_.header().generation();
  choose(*page);
  if (page->empty()) {
    hooks_.on_change();
    return;
  }
  auto run = std::make_shared<SliceRun>(SliceRun{.generation = generation,
                                                 .slicer = 0,
                                                 .first_order = position_.highest_order + 1,
                                                 .created_ms = loop_.wall_ms(),
                                                 .requests = slices_of(*page)});
  position_.highest_order += run->count();
  auto& batch = writer_.batch();
  batch.created.push_back(*run);
  batch.positions[0] = position_;
  for (const auto& row : *page) batch.released.push_back(row.at);
  reading_ = true;  // until they are created
  writer_.after_sync([this, run] {
    reading_ = false;
    if (!fault("redriven")) {
      hooks_.on_fatal(Error(ErrorCode::io, "fault point redriven fired"));
      return;
    }
    hooks_.on_created({run, 0, run->count()});
    hooks_.on_change();
  });
}

ListRequests Redrive::slices_of(const std::vector<QuarantineRow>& rows) const {
  ListRequests list;
  RedrivenRequest request;
  std::size_t bytes = 0;
  const auto cut = [&] {
    if (request.records.empty()) return;
    list.requests.push_back(to_text(request));
    request.records.clear();
    bytes = 0;
  };
  for (const auto& [at, generation, at_ms, record] : rows) {
    if (record.entry != request.entry || request.records.size() == kRecordsPerSlice ||
        bytes + record.bytes.size() > kBytesPerSlice)
      cut();
    request.entry = record.entry;
    request.records.push_back({record.place, record.bytes});
    bytes += record.bytes.size();
  }
  cut();
  return list;
}

}  // namespace slicemill::controller
