#include "master/executions/start_planner.h"

#include <fmt/core.h>

#include <algorithm>

namespace slicemill::master {

std::string to_text(const Shortage& shortage) {
  if (shortage.is_held) return "waiting for the processes of the job's previous execution to be gone";
  if (shortage.slots > 0) return fmt::format("waiting for {} slot{}", shortage.slots, shortage.slots == 1 ? "" : "s");
  return {};
}

std::vector<Grant> plan_starts(const PlannerView& view) {
  std::int64_t free = view.slots - view.lingering;
  for (const auto& entry : view.entries) free -= entry.granted;

  std::vector<Grant> grants;
  grants.reserve(view.entries.size());
  for (const auto& entry : view.entries) {
    Grant grant{.admit = false, .granted = entry.granted, .shortage = {}};
    if (!entry.admitted && !entry.held && free > 0) {
      grant.granted = std::min(entry.wanted, free);
      grant.admit = true;
      free -= grant.granted;
    }
    grants.push_back(grant);
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
      grant.shortage.is_held = true;
    } else if (entry.wants_more && grant.granted < entry.wanted) {
      grant.shortage.slots = entry.wanted - grant.granted;
    }
  }
  return grants;
}

}  // namespace slicemill::master
