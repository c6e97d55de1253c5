#include "cli/stored_runs.h"

#include <algorithm>
#include <iterator>

#include "core/ledger/slice_ledger.h"
#include "core/outputs/output_publisher.h"
#include "core/runtime/files.h"
#include "core/runtime/json.h"
#include "core/runtime/tree_size.h"

namespace slicemill::cli {
namespace {

StoredRun look_at(const DataLayout& layout, const std::string& ex_id, bool measures) {
  StoredRun run{.ex_id = ex_id, .lineage = {ex_id}, .staging = {}};
  run.is_run = posix_files().stat(layout.log_directory(ex_id) + "/run.log").has_value();
  if (measures) run.bytes = size_of_tree(layout.ledger_directory(ex_id)) + size_of_tree(layout.log_directory(ex_id));
  const auto view = view_ledger(layout.ledger_directory(ex_id));
  if (!view) return run;
  const LedgerHeader& header = (*view)->header();
  run.is_idle = true;
  run.lineage = header.lineage;
  if (const auto job = parse_job_spec(header.execution)) {
    if (const auto staging = staging_directories_of(*job, header.lineage.front())) run.staging = *staging;
  }
  if (header.outcome) run.ended = header.outcome->at_ms;
  return run;
}

}  // namespace

StoredRuns StoredRuns::read(const DataLayout& layout, bool measures) {
  StoredRuns all(layout);
  const auto names = posix_files().list(layout.data + "/ledgers");
  if (!names) return all;
  for (const auto& name : *names) {
    if (!ledger_exists(layout.ledger_directory(name))) continue;
    all.runs_.push_back(look_at(layout, name, measures));
    all.left_.insert(name);
    all.staging_.insert(all.runs_.back().staging.begin(), all.runs_.back().staging.end());
  }
  std::ranges::stable_sort(all.runs_, {}, &StoredRun::ended);
  return all;
}

const StoredRun* StoredRuns::find(const std::string& ex_id) const {
  const auto found = std::ranges::find(runs_, ex_id, &StoredRun::ex_id);
  return found == runs_.end() || !left_.contains(ex_id) ? nullptr : &*found;
}

std::optional<std::string> StoredRuns::left_ancestor(const StoredRun& run) const {
  for (const std::string& id : run.lineage) {
    if (id != run.ex_id && left_.contains(id)) return id;
  }
  return std::nullopt;
}

Result<void> StoredRuns::remove(const StoredRun& run) {
  RETURN_IF_ERROR(posix_files().remove_tree(layout_.ledger_directory(run.ex_id)));
  RETURN_IF_ERROR(posix_files().remove_tree(layout_.log_directory(run.ex_id)));
  left_.erase(run.ex_id);
  for (const std::string& directory : run.staging) {
    if (const auto one = staging_.find(directory); one != staging_.end()) staging_.erase(one);
    if (!staging_.contains(directory)) RETURN_IF_ERROR(remove_staging(posix_files(), {directory}));
  }
  return {};
}

}  // namespace slicemill::cli
