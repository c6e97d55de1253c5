#include "cli/run_retention.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "cli/exit_codes.h"
#include "core/ledger/slice_ledger.h"
#include "core/outputs/output_publisher.h"
#include "core/runtime/clock.h"
#include "core/runtime/files.h"
#include "core/runtime/json.h"
#include "core/runtime/tree_size.h"

namespace slicemill::cli {
namespace {

struct Run {
  std::string ex_id;
  std::vector<std::string> lineage;
  std::string staging;
  WallMs ended = 0;
  std::uint64_t bytes = 0;
  bool removable = false;
};

Run look_at(const DataLayout& layout, const std::string& ex_id, bool measures) {
  Run run{.ex_id = ex_id, .lineage = {ex_id}, .staging = ""};
  const auto view = view_ledger(layout.ledger_directory(ex_id));
  if (!view) return run;
  const LedgerHeader& header = (*view)->header();
  run.lineage = header.lineage;
  if (const auto job = parse_json(header.execution)) {
    if (const auto staging = staging_directory_of(*job, header.lineage.front())) run.staging = *staging;
  }
  if (!header.outcome || !posix_files().stat(layout.log_directory(ex_id) + "/run.log")) return run;
  run.ended = header.outcome->at_ms;
  run.removable = true;
  if (measures) run.bytes = size_of_tree(layout.ledger_directory(ex_id)) + size_of_tree(layout.log_directory(ex_id));
  return run;
}

Result<void> remove(const DataLayout& layout, const Run& run, bool with_staging) {
  RETURN_IF_ERROR(posix_files().remove_tree(layout.ledger_directory(run.ex_id)));
  RETURN_IF_ERROR(posix_files().remove_tree(layout.log_directory(run.ex_id)));
  if (!with_staging || run.staging.empty()) return {};
  RETURN_IF_ERROR(posix_files().remove_tree(run.staging));
  (void)posix_files().remove(run.staging.substr(0, run.staging.rfind('/')));  // not empty: others stage there
  return {};
}

}  // namespace

void remove_old_runs(const DataLayout& layout, const Settings& settings, const std::string& present) {
  const std::int64_t age_ms = settings.number("retention_age");
  const auto count = static_cast<std::uint64_t>(settings.number("retention_count"));
  const auto bytes = static_cast<std::uint64_t>(settings.number("retention_bytes"));
  if (age_ms == 0 && count == 0 && bytes == 0) return;
  const auto names = posix_files().list(layout.data + "/ledgers");
  if (!names) return;
  std::vector<Run> runs;
  for (const auto& name : *names)
    if (ledger_exists(layout.ledger_directory(name))) runs.push_back(look_at(layout, name, bytes > 0));
  std::ranges::stable_sort(runs, {}, &Run::ended);
  std::set<std::string> left;
  std::multiset<std::string> staging;
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  const WallMs now = std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
  std::uint64_t ended = 0;
  std::uint64_t total = 0;
  for (const Run& run : runs) {
    left.insert(run.ex_id);
    staging.insert(run.staging);
    ended += run.removable ? 1 : 0;
    total += run.bytes;
  }
  for (const Run& run : runs) {
    if (!run.removable || run.ex_id == present) continue;
    const bool outlived =
        (age_ms > 0 && now - run.ended > age_ms) || (count > 0 && ended > count) || (bytes > 0 && total > bytes);
    const bool went_on = std::any_of(run.lineage.begin(), run.lineage.end() - 1,
                                     [&](const std::string& ancestor) { return left.contains(ancestor); });
    if (!outlived || went_on) continue;
    if (const auto removed = remove(layout, run, staging.count(run.staging) == 1); !removed) {
      report_warning(removed.error().message);
      continue;
    }
    left.erase(run.ex_id);
    staging.erase(staging.find(run.staging));
    --ended;
    total -= run.bytes;
  }
}

}  // namespace slicemill::cli
