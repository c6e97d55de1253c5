#include "execution-controller/sources/recovery.h"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/model/quarantine.h"

namespace slicemill::controller {
namespace {

constexpr std::size_t kRowsPerPage = 1000;

ActiveSlice from_row(const OpenRow& row, bool replayed) {
  ActiveSlice slice;
  slice.key = row.key;
  slice.created_ms = row.created_ms;
  slice.has_row = true;
  slice.replayed = replayed;
  slice.own_request = row.request;
  if (!replayed) {  // a replay begins with a clean sheet
    slice.retries = row.retries;
    slice.crashes = row.crashes;
  }
  return slice;
}

}  // namespace

Recovery::Recovery(Loop& loop, SliceLedger& ledger, SliceQueue& queue, bool goes_on, Hooks hooks)
    : loop_(loop), ledger_(ledger), queue_(queue), goes_on_(goes_on), hooks_(std::move(hooks)) {}

bool Recovery::slices_anew() const {
  if (ledger_.header().joined) return false;  // the output is whole
  if (redrives()) return false;
  return goes_on_ || !ledger_.header().recovered || ledger_.header().cleanup == CleanupType::none;
}

bool Recovery::redrives() const {
  return ledger_.header().recovered && ledger_.header().cleanup == CleanupType::quarantine;
}

// A redrive goes on with what earlier redrives left unfinished, and with nothing else.
bool Recovery::wants_open(const OpenRange& range) const {
  if (redrives()) return is_redriven_request(range.run->request(range.from));
  return ledger_.header().cleanup != CleanupType::errors;
}

bool Recovery::wants_row(const OpenRow& row) const {
  if (row.settled_in == ledger_.header().generation()) return row.state == SliceState::start;  // open in this execution
  switch (ledger_.header().cleanup) {
    case CleanupType::errors:
      return row.state == SliceState::error;
    case CleanupType::pending:  // made and not finished, whatever a stop or a crash did to it
      return row.state == SliceState::start;
    case CleanupType::quarantine:
      return is_redriven_request(row.request);
    case CleanupType::none:
    case CleanupType::all:
      return true;
  }
  return true;
}

// Should its output be lost, it is to be run again: so it needs its request.
Result<ActiveSlice> Recovery::slice_of_row(const SliceKey& key) const {
  SliceKey before = key;
  --before.path;  // of the first part it is 1
  ASSIGN_OR_RETURN(const auto rows, ledger_.rows(before, 1));
  if (rows.empty() || rows.front().key != key)
    return Error(ErrorCode::corrupt,
                 fmt::format("slice {}/{} has an output, and neither a run nor a row knows it", key.slicer, key.order));
  return from_row(rows.front(), rows.front().settled_in < ledger_.header().generation());
}

Result<Recovery::Committed> Recovery::open() {
  const auto& header = ledger_.header();
  replays_ = header.recovered;
  ASSIGN_OR_RETURN(auto ranges, ledger_.open_ranges());
  SliceQueue unwanted;  // belongs to a cleanup type that is not asked for
  for (auto& range : ranges) {
    const bool replayed = range.run->generation < header.generation();
    SliceQueue& queue = replayed && !wants_open(range) ? unwanted : queue_;
    queue.push_range(std::move(range), replayed);
  }
  ASSIGN_OR_RETURN(const auto outputs, ledger_.unpublished_outputs());
  Committed committed;
  for (const auto& output : outputs) {
    auto slice = queue_.extract(output.key);
    if (!slice) slice = unwanted.extract(output.key);  // published all the same
    if (!slice) {                                      // it left its run to a row
      ASSIGN_OR_RETURN(slice, slice_of_row(output.key));
      ignored_.insert(output.key);
    }
    slice->attempt = output.attempt;
    ASSIGN_OR_RETURN(slice->quarantined, ledger_.quarantined_of(output.key));
    committed.emplace_back(std::move(*slice), output);
  }
  return committed;
}

void Recovery::charge(const SliceKey& key, const Attempt& attempt) {
  if (auto slice = queue_.extract(key)) {
    slice->attempt = attempt;
    hooks_.on_charged(std::move(*slice));
  } else {
    charged_.insert(key);  // it has a row, or is settled, or nobody asked for it
  }
}

void Recovery::fill(std::uint64_t waiting, std::uint64_t ahead) {
  if (rows_ != Rows::unread || halted_ || waiting >= ahead) return;
  rows_ = Rows::reading;
  auto page = std::make_shared<Result<std::vector<OpenRow>>>(std::vector<OpenRow>());
  loop_.offload(
      Loop::Executor::query, [ledger = &ledger_, page, after = after_] { *page = ledger->rows(after, kRowsPerPage); },
      [this, page, alive = std::weak_ptr<bool>(alive_)] {
        if (!alive.expired()) page_read(std::move(*page));
      });
}

void Recovery::page_read(Result<std::vector<OpenRow>> page) {
  rows_ = Rows::unread;
  if (!page) {
    hooks_.on_fatal(page.error());
    return;
  }
  if (page->empty())
    rows_ = Rows::all_read;
  else
    after_ = page->back().key;
  for (const auto& row : *page) {
    if (!wants_row(row) || ignored_.contains(row.key)) continue;
    ActiveSlice slice = from_row(row, row.settled_in < ledger_.header().generation());
    if (charged_.contains(row.key))
      hooks_.on_charged(std::move(slice));
    else if (slice.crashes > 0)
      hooks_.on_isolated(std::move(slice));
    else
      queue_.push_back(std::move(slice));
  }
  hooks_.on_change();
}

}  // namespace slicemill::controller
