#include "cli/client/stored_executions.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "cli/client/documents.h"
#include "cli/client/execution_names.h"
#include "cli/default_dialect.h"
#include "cli/ended_ledger.h"
#include "core/ledger/slice_record_json.h"
#include "core/model/execution.h"
#include "core/runtime/clock.h"
#include "core/runtime/files.h"

namespace slicemill::cli {
namespace {

constexpr std::int64_t kNanosPerMilli = 1'000'000;
constexpr const char* kLastWord = "last";

std::string ledgers_of(const DataLayout& layout) {
  return layout.data + "/ledgers";
}

// What a ledger's counters are called in documents.
Json figures_of(const LedgerHeader& header) {
  const SliceCounters& counters = header.counters;
  return {{"processed", counters.processed},     {"failed", counters.failed},       {"records_in", counters.records_in},
          {"records_out", counters.records_out}, {"bytes_out", counters.bytes_out}, {"retries", counters.retries},
          {"quarantined", counters.quarantined}};
}

void add_ledger(Json& document, const LedgerView& view) {
  const LedgerHeader& header = view.header();
  if (const auto job = parse_job_spec(header.execution)) {
    const Json of_job = dialect::document_of(*job);
    for (const auto& [name, value] : of_job.items())
      if (!document.contains(name)) document[name] = value;
  }
  document[member::kCreated] = to_iso(header.created_ms);
  document[member::kStats] = figures_of(header);
  if (header.lineage.size() > 1) document["recovered_execution"] = header.lineage[header.lineage.size() - 2];
  document[member::kStatus] = kInterrupted;
  if (!header.outcome) {
    if (const auto open = view.open_counts()) document[member::kStats]["queued"] = open->pending + open->start;
    return;
  }
  document[member::kStatus] = to_string(header.outcome->status);
  document[member::kUpdated] = to_iso(header.outcome->at_ms);
  if (!header.outcome->reason.empty()) document[member::kFailure] = header.outcome->reason;
}

std::string log_of(const DataLayout& layout, const std::string& ex_id) {
  const std::string directory = layout.log_directory(ex_id);
  const std::string of_run = directory + "/run.log";
  return posix_files().stat(of_run) ? of_run : directory + "/controller.log";
}

Result<std::string> newest_stored_of_name(const DataLayout& layout, const std::string& path) {
  ASSIGN_OR_RETURN(const std::string name, job_name(path));
  ASSIGN_OR_RETURN(const auto ids, stored_ids(layout));
  for (const std::string& id : ids) {
    if (text_of(stored_execution(layout, id), "name") == name) return id;
  }
  return Error(ErrorCode::not_found, fmt::format("no execution in {} is of a job with the name '{}' ({}); see "
                                                 "`slicemill list --data DIR`",
                                                 layout.data, name, path));
}

}  // namespace

Result<std::vector<std::string>> stored_ids(const DataLayout& layout) {
  const auto names = posix_files().list(ledgers_of(layout));
  if (!names && names.error().code == ErrorCode::not_found) {
    if (posix_files().stat(layout.data)) return std::vector<std::string>();
    return Error(ErrorCode::not_found, fmt::format("there is no data directory {}", layout.data));
  }
  if (!names) return names.error();
  std::vector<std::pair<std::int64_t, std::string>> found;
  for (const std::string& id : *names) {
    const std::string directory = layout.ledger_directory(id);
    if (!ledger_exists(directory)) continue;
    const auto facts = posix_files().stat(directory);
    found.emplace_back(facts ? facts->mtime_ns : 0, id);
  }
  std::ranges::stable_sort(found, std::ranges::greater{}, &std::pair<std::int64_t, std::string>::first);
  std::vector<std::string> ids;
  ids.reserve(found.size());
  for (auto& [changed, id] : found) ids.push_back(std::move(id));
  return ids;
}

Result<std::vector<Json>> stored_executions(const DataLayout& layout) {
  ASSIGN_OR_RETURN(const auto ids, stored_ids(layout));
  std::vector<Json> documents;
  documents.reserve(ids.size());
  for (const std::string& id : ids) documents.push_back(stored_execution(layout, id));
  // An ended one is as old as its end, whatever looked into its directory since.
  std::ranges::stable_sort(documents, std::ranges::greater{},
                           [](const Json& document) { return text_of(document, member::kUpdated); });
  return documents;
}

Json stored_execution(const DataLayout& layout, const std::string& ex_id) {
  const std::string directory = layout.ledger_directory(ex_id);
  Json document = {{"ex_id", ex_id}, {"ledger_directory", directory}, {"log_path", log_of(layout, ex_id)}};
  if (const auto facts = posix_files().stat(directory))
    document[member::kUpdated] = to_iso(facts->mtime_ns / kNanosPerMilli);
  const auto view = view_ledger(directory);
  if (view) {
    add_ledger(document, **view);
  } else if (view.error().code == ErrorCode::conflict) {
    document[member::kStatus] = to_string(ExecutionStatus::running);
  } else {
    document[member::kStatus] = kUnreadable;
    document[member::kFailure] = view.error().message;
  }
  return document;
}

Result<std::vector<Json>> stored_tries(const DataLayout& layout, const std::string& ex_id, std::int64_t limit) {
  ASSIGN_OR_RETURN(const auto view, view_ledger(layout.ledger_directory(ex_id)));
  std::vector<Json> tries;
  const auto wanted = static_cast<std::size_t>(limit);
  while (tries.size() < wanted) {
    ASSIGN_OR_RETURN(const auto rows, view->tries(tries.size(), wanted - tries.size()));
    if (rows.empty()) break;
    for (const SliceTry& ended : rows)
      tries.push_back(dialect::job_dialect().slice_document(slice_try_json(ended, view->header().lineage)));
  }
  return tries;
}

Result<std::vector<Json>> stored_errors(const DataLayout& layout, const std::string& ex_id, std::int64_t limit) {
  ASSIGN_OR_RETURN(const auto view, view_ledger(layout.ledger_directory(ex_id)));
  std::vector<Json> errors;
  const auto wanted = static_cast<std::size_t>(limit);
  while (errors.size() < wanted) {
    ASSIGN_OR_RETURN(const auto rows, view->errors(errors.size(), wanted - errors.size()));
    if (rows.empty()) break;
    for (const OpenRow& row : rows)
      errors.push_back(dialect::job_dialect().slice_document(slice_record_json(row, view->header().lineage)));
  }
  return errors;
}

Result<std::string> stored_execution_id(const DataLayout& layout, const std::string& name) {
  if (name != kLastWord && names_job_file(name)) return newest_stored_of_name(layout, name);
  ASSIGN_OR_RETURN(const auto ids, stored_ids(layout));
  if (name != kLastWord) {
    if (may_begin_id(name)) {
      auto match = only_match(name, ids, "execution");
      if (match || match.error().code != ErrorCode::not_found) return match;
    }
    return no_ledger(layout, name);
  }
  if (!ids.empty()) return ids.front();
  return Error(ErrorCode::not_found,
               fmt::format("there is no execution in {}; --data DIR or --master URL name another place", layout.data));
}

}  // namespace slicemill::cli
