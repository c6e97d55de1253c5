#include "master/lists/record_page.h"

#include <algorithm>
#include <utility>

namespace slicemill::master {

namespace {

// Records kept beyond the page before they are sorted and cut again.
constexpr std::size_t kSlack = 4096;

}  // namespace

void RecordPage::offer(Json record) {
  if (is_full()) return;
  if (query_.filter && !query::holds(query_.filter->condition, record)) return;
  std::vector<query::Value> values;
  if (!in_order_) values = query::sort_values(query_.sort, record);
  kept_.push_back({std::move(record), std::move(values)});
  if (!in_order_ && kept_.size() >= end() + kSlack) sort_and_cut();
}

void RecordPage::sort_and_cut() {
  // Stable: records with equal values stay in the order in which they came.
  std::stable_sort(kept_.begin(), kept_.end(), [this](const Kept& a, const Kept& b) {
    return query::sorts_before(query_.sort, a.values, b.values);
  });
  if (kept_.size() > end()) kept_.resize(end());
}

std::vector<Json> RecordPage::take() {
  if (!in_order_) sort_and_cut();
  std::vector<Json> page;
  for (std::size_t i = static_cast<std::size_t>(query_.from); i < std::min(kept_.size(), end()); ++i)
    page.push_back(std::move(kept_[i].record));
  kept_.clear();
  return page;
}

}  // namespace slicemill::master
