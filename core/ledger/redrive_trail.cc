#include "core/ledger/redrive_trail.h"

#include <fmt/format.h>

#include <utility>

#include "core/ledger/slice_record_json.h"

namespace slicemill {

Result<RedriveTrail> RedriveTrail::open(const std::vector<std::string>& directories) {
  RedriveTrail trail;
  for (const std::string& directory : directories) {
    if (!ledger_exists(directory)) continue;
    ASSIGN_OR_RETURN(auto view, view_ledger(directory));
    trail.later_.push_back(std::move(view));
  }
  return trail;
}

Result<std::string> RedriveTrail::taker_of(const QuarantinePlace& place) const {
  if (later_.empty()) return std::string();
  // What the last one has was never taken.
  ASSIGN_OR_RETURN(const bool is_there, later_.back()->is_quarantined(place));
  if (is_there) return std::string();
  for (const auto& view : later_) {
    if (view->header().cleanup != CleanupType::quarantine) continue;
    ASSIGN_OR_RETURN(const bool has, view->is_quarantined(place));
    if (!has) return view->header().lineage.back();
  }
  return std::string();
}

Result<void> check_quarantined(const LedgerView& ledger, MendedRecords chosen) {
  constexpr std::uint64_t kRowsAtOnce = 1'000;
  std::optional<QuarantinePlace> after;
  while (!chosen.empty()) {
    ASSIGN_OR_RETURN(const auto rows, ledger.quarantine(after, 0, kRowsAtOnce));
    if (rows.empty()) break;
    for (const auto& row : rows) chosen.erase(quarantine_id(row.at, ledger.header().lineage));
    after = rows.back().at;
  }
  if (chosen.empty()) return {};
  return Error(ErrorCode::not_found,
               fmt::format("record {} is not quarantined, or not any more", chosen.begin()->first), false);
}

}  // namespace slicemill
