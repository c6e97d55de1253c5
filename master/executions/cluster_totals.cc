#include "master/executions/cluster_totals.h"

#include <string_view>

namespace slicemill::master {

namespace {

constexpr std::size_t kQueued = 2;
static_assert(std::string_view(ClusterTotals::kCounters[kQueued]) == "queued");

}  // namespace

void ClusterTotals::absorb(const ExecutionId& id, const Json& stats) {
  if (!stats.is_object()) return;
  Values& last = last_[id];
  for (std::size_t i = 0; i < kCounters.size(); ++i) {
    const auto found = stats.find(kCounters[i]);
    if (found == stats.end() || !found->is_number()) continue;
    const auto value = found->get<std::int64_t>();
    sums_[i] += i != kQueued && value < last[i] ? value : value - last[i];
    last[i] = value;
  }
}

void ClusterTotals::forget(const ExecutionId& id) {
  const auto found = last_.find(id);
  if (found == last_.end()) return;
  sums_[kQueued] -= found->second[kQueued];
  last_.erase(found);
}

Json ClusterTotals::to_json() const {
  Json json = Json::object();
  for (std::size_t i = 0; i < kCounters.size(); ++i) json[kCounters[i]] = sums_[i];
  return json;
}

}  // namespace slicemill::master
