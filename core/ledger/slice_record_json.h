// How a ledger row looks in the API: the slice record of the first dialect (reference, 1.4). Used by the controller for
// a live execution and by the master for an ended one.
#pragma once

#include <string>
#include <vector>

#include "core/ledger/slice_ledger.h"
#include "core/runtime/json.h"

namespace slicemill {

// lineage: of the ledger that the row came from. `ex_id` of the record is the execution that settled it.
Json slice_record_json(const OpenRow& row, const std::vector<std::string>& lineage);

// One quarantined record: slice, place, bytes, error. Bytes that are no UTF-8 are shown as base64, and `encoding` says
// so. redriven_to: the execution that has taken it since; "" for none.
Json quarantine_record_json(const QuarantineRow& row, const std::vector<std::string>& lineage,
                            const std::string& redriven_to = {});

// The name of a quarantined record outside of the ledger.
std::string quarantine_id(const QuarantinePlace& place, const std::vector<std::string>& lineage);

}  // namespace slicemill
