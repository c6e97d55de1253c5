// Figures of executions as JSON of our own: docs/command-line.md has the members. What a dialect calls its counters is
// its own affair. Texts on one line; pure, any thread.
#pragma once

#include <string>
#include <vector>

#include "core/model/stats.h"
#include "core/runtime/json.h"

namespace slicemill {

// {percent, done, total, unit, rate, bytes_rate, bytes_of, eta, eta_low, eta_high, slowest: {op, order, share},
// workers, workers_wanted, failures}; null is what is not known.
std::string progress_json(const Progress& progress);

// The same read again; what is absent is not known.
Progress progress_from_json(const Json& json);

// [{op, order, slices, measured, records_in, records, time_ms, share, bytes}]. records_in: null of a reader; share:
// null if none was measured.
std::string operations_json(const std::vector<OperationStats>& operations);

// {where, reason, since, tries}.
std::string obstacle_json(const ObstacleView& obstacle);

// {error, file, bytes: [from, to], place, record, slicer, order, quarantined}: file, bytes, place and record are null
// if they are not known.
std::string first_error_json(const FirstErrorView& first);

std::string texts_json(const std::vector<std::string>& texts);

// What an execution did. "{}": it has no summary.
std::string summary_json(const Stats& stats);

}  // namespace slicemill
