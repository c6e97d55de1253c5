// Where the quarantined records of an ended execution went: the redrives that took them. Blocks; one thread.
//
// A ledger tells of its own execution alone. Each that goes on from it has what it had, apart from the records that a
// redrive took out. So the first redrive whose ledger lacks a record is the one that ran it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/ledger/slice_ledger.h"
#include "core/model/mended_records.h"
#include "core/runtime/result.h"

namespace slicemill {

class RedriveTrail {
 public:
  // Ledgers of the executions that go on from the one that is asked about, oldest first. Those that are not there (any
  // more) are passed over. conflict: one is in use, and what it has taken is not known yet.
  static Result<RedriveTrail> open(const std::vector<std::string>& directories);

  // The redrive that took the record; "": it is quarantined still.
  Result<std::string> taker_of(const QuarantinePlace& place) const;

 private:
  std::vector<std::unique_ptr<LedgerView>> later_;
};

// not_found: one of the chosen records is not quarantined in this ledger.
Result<void> check_quarantined(const LedgerView& ledger, MendedRecords chosen);

}  // namespace slicemill
