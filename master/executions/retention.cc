#include "master/executions/retention.h"

#include <utility>

#include "core/runtime/log.h"
#include "core/runtime/tree_size.h"

namespace slicemill::master {

namespace {

constexpr Duration kLookEvery = std::chrono::seconds(5);
constexpr Duration kNextStep = std::chrono::milliseconds(50);  // while there is more to remove
constexpr std::int64_t kRemovedAtOnce = 50;
constexpr std::size_t kMeasuredAtOnce = 200;

}  // namespace

Retention::Retention(Loop& loop, Registry& registry, Executions& executions, ExecutionRemovals& removals,
                     const RetentionOptions& options)
    : loop_(loop),
      registry_(registry),
      executions_(executions),
      removals_(removals),
      options_(options),
      sizes_(std::make_shared<std::map<ExecutionId, std::uint64_t>>()) {
  const auto& limits = options_.limits;
  if (limits.age_ms > 0 || limits.deleted_age_ms > 0 || limits.count > 0 || options_.bytes > 0) look_after(kNextStep);
}

Retention::~Retention() {
  close();
}

void Retention::close() {
  closed_ = true;
  loop_.cancel(timer_);
}

void Retention::look_after(Duration delay) {
  if (closed_) return;
  timer_ = loop_.after(delay, [this] { look(); });
}

void Retention::look() {
  registry_.find_outlived(options_.limits, loop_.wall_ms(), kRemovedAtOnce,
                          [this, alive = std::weak_ptr<int>(alive_)](const Result<std::vector<ExecutionId>>& outlived) {
                            if (alive.expired() || closed_) return;
                            if (outlived && outlived->empty() && options_.bytes > 0) return look_at_sizes();
                            remove(outlived);
                          });
}

void Retention::remove(const Result<std::vector<ExecutionId>>& outlived) {
  if (!outlived) {
    log(LogLevel::error, "cannot tell which executions have outlived the limits: {}", outlived.error().message);
    return look_after(kLookEvery);
  }
  if (outlived->empty()) return look_after(kLookEvery);
  removals_.remove_all(*outlived, [this, alive = std::weak_ptr<int>(alive_)](const Result<std::size_t>& removed) {
    if (alive.expired()) return;
    if (!removed) log(LogLevel::warn, "ended executions are not removed: {}", removed.error().message);
    look_after(removed && *removed > 0 ? kNextStep : kLookEvery);
  });
}

void Retention::look_at_sizes() {
  registry_.list_ended([this, alive = std::weak_ptr<int>(alive_)](Result<std::vector<Registry::Ended>> ended) {
    if (alive.expired() || closed_) return;
    if (!ended) return remove(ended.error());
    measure(std::make_shared<std::vector<Registry::Ended>>(std::move(*ended)), 0);
  });
}

// In steps, since reads of ledgers wait in the same executor. An execution whose processes are still there may grow.
void Retention::measure(std::shared_ptr<std::vector<Registry::Ended>> ended, std::size_t from) {
  auto wanted = std::make_shared<std::vector<ExecutionId>>();
  for (; from < ended->size() && wanted->size() < kMeasuredAtOnce; ++from) {
    const ExecutionId& id = (*ended)[from].ex_id;
    if (!sizes_->contains(id) && !executions_.supervisor().has_group(id)) wanted->push_back(id);
  }
  if (wanted->empty()) return remove_oldest(*ended);
  loop_.offload(
      Loop::Executor::query,
      [wanted, sizes = sizes_, layout = executions_.options().layout] {
        for (const auto& id : *wanted)
          (*sizes)[id] = size_of_tree(layout.ledger_directory(id.text)) + size_of_tree(layout.log_directory(id.text));
      },
      [this, ended, from, alive = std::weak_ptr<int>(alive_)] {
        if (!alive.expired() && !closed_) measure(ended, from);
      });
}

void Retention::remove_oldest(const std::vector<Registry::Ended>& ended) {
  std::uint64_t total = 0;
  std::map<ExecutionId, std::uint64_t> present;
  for (const auto& row : ended) {
    const auto found = sizes_->find(row.ex_id);
    if (found == sizes_->end()) continue;
    present.insert(*found);
    total += found->second;
  }
  *sizes_ = present;
  std::vector<ExecutionId> outlived;
  for (const auto& row : ended) {
    if (total <= static_cast<std::uint64_t>(options_.bytes) || std::ssize(outlived) == kRemovedAtOnce) break;
    const auto found = present.find(row.ex_id);
    if (row.newest || found == present.end() || found->second == 0) continue;
    total -= found->second;
    outlived.push_back(row.ex_id);
  }
  remove(outlived);
}

}  // namespace slicemill::master
