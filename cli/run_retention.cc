#include "cli/run_retention.h"

#include <chrono>
#include <cstdint>

#include "cli/exit_codes.h"
#include "cli/stored_runs.h"
#include "core/runtime/clock.h"

namespace slicemill::cli {

void remove_old_runs(const DataLayout& layout, const Settings& settings, const std::string& present) {
  const std::int64_t age_ms = settings.number("retention_age");
  const auto count = static_cast<std::uint64_t>(settings.number("retention_count"));
  const auto bytes = static_cast<std::uint64_t>(settings.number("retention_bytes"));
  if (age_ms == 0 && count == 0 && bytes == 0) return;
  StoredRuns stored = StoredRuns::read(layout, bytes > 0);
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  const WallMs now = std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
  const auto is_removable = [](const StoredRun& run) { return run.is_run && run.ended != 0; };
  std::uint64_t ended = 0;
  std::uint64_t total = 0;
  for (const StoredRun& run : stored.runs()) {
    if (!is_removable(run)) continue;
    ++ended;
    total += run.bytes;
  }
  for (const StoredRun& run : stored.runs()) {
    if (!is_removable(run) || run.ex_id == present) continue;
    const bool outlived =
        (age_ms > 0 && now - run.ended > age_ms) || (count > 0 && ended > count) || (bytes > 0 && total > bytes);
    if (!outlived || stored.left_ancestor(run)) continue;
    if (const auto removed = stored.remove(run); !removed) {
      report_warning(removed.error().message);
      continue;
    }
    --ended;
    total -= run.bytes;
  }
}

}  // namespace slicemill::cli
