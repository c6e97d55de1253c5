#include "master/executions/start_planner.h"

#include <fmt/core.h>

#include <algorithm>

namespace slicemill::master {

std::vector<Grant> plan_starts(const PlannerView& view) {
  std::int64_t free = view.slots - view.lingering;
  for (const auto& entry : view.entries) free -= entry.granted;

  std::vector<Grant> grants;
  grants.reserve(view.entries.size());
  for (const auto& entry : view.entries) {
    Grant grant{entry.ex_id, false, entry.granted, ""};
    if (!entry.admitted && !entry.held && free > 0) {
      grant.granted = std::min(entry.wanted, free);
      grant.admit = true;
      free -= grant.granted;
    }
    grants.push_back(std::move(grant));
  }
  for (std::size_t i = 0; i < grants.size(); ++i) {
    const auto& entry = view.entries[i];
    auto& grant = grants[i];
    if (entry.admitted && entry.wants_more && free > 0 && entry.wanted > grant.granted) {
      const std::int64_t more = std::min(entry.wanted - grant.granted, free);
      grant.granted += more;
      free -= more;
    }
    if (!entry.admitted && entry.held) {
      grant.reason = "waiting for the processes of the job's previous execution to be gone";
    } else if (entry.wants_more && grant.granted < entry.wanted) {
      grant.reason = fmt::format("waiting for {} slots", entry.wanted - grant.granted);
    }
  }
  return grants;
}

}  // namespace slicemill::master
