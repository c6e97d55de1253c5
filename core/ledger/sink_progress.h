// How far the sinks of an execution are, as its ledger knows: outputs that are committed, and of a source of numbers
// the ones that are done without a hole.
//
// Costs what is open and one scan of the outputs: for an executor. Any thread.
#pragma once

#include <string>
#include <vector>

#include "core/ledger/slice_ledger.h"
#include "core/model/job_views.h"
#include "core/runtime/json.h"
#include "core/runtime/result.h"

namespace slicemill {

Result<std::vector<SinkView>> sink_progress(const SliceLedger& ledger);
Result<std::vector<SinkView>> sink_progress(const LedgerView& ledger);

Json sink_progress_json(const std::vector<SinkView>& sinks);
// internal: it is none.
Result<std::vector<SinkView>> parse_sink_progress(const std::string& text);

}  // namespace slicemill
