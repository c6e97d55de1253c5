// Rows of a ledger as records of failed slices and of quarantined ones, which dialects show
// (JobDialect::slice_document): of a live execution its controller makes them, of an ended one the master.
#pragma once

#include <string>
#include <vector>

#include "core/ledger/slice_ledger.h"
#include "core/runtime/json.h"

namespace slicemill {

// {slice_id, slicer_id, slicer_order, request, state, ex_id, created, updated, error, retry_count, worker_deaths}: the
// last two if they are not 0. lineage: of the ledger that the row came from; ex_id: the execution that settled it.
Json slice_record_json(const OpenRow& row, const std::vector<std::string>& lineage);

// One quarantined record: slice, place, bytes, error, and what operations knew of it. Bytes that are no UTF-8 are shown
// as base64, and `encoding` says so. redriven_to: the execution that has taken it since; "" for none.
Json quarantine_record_json(const QuarantineRow& row, const std::vector<std::string>& lineage,
                            const std::string& redriven_to = {});

// {slice_id, slicer_id, slicer_order, place, name, ex_id, state, began, ended, took_ms, value, worker, error}: the last
// three where there is something; state: completed, failed or worker_died.
Json slice_try_json(const SliceTry& ended, const std::vector<std::string>& lineage);

// The name of a quarantined record outside of the ledger.
std::string quarantine_id(const QuarantinePlace& place, const std::vector<std::string>& lineage);

}  // namespace slicemill
