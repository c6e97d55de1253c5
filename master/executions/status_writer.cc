#include "master/executions/status_writer.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace slicemill::master {

namespace {

constexpr Duration kRewrite = std::chrono::seconds(1);  // after a failed write

}  // namespace

// What one write of a live execution carries, kept until it is durable.
struct StatusWriter::Written {
  ExecutionStatus status = ExecutionStatus::pending;
  std::vector<HistoryRow> lines;
  std::vector<ExecutionEffect> effects;
  std::vector<std::function<void()>> afters;
  bool has_epoch = false;  // LiveExecution::epoch
};

StatusWriter::StatusWriter(Loop& loop, Registry& registry, LiveExecutions& live, Hooks hooks)
    : loop_(loop), registry_(registry), live_(live), hooks_(std::move(hooks)) {}

void StatusWriter::when_durable(LiveExecution& live, std::function<void()> task) {
  if (!live.writing) {
    task();
    return;
  }
  live.afters.push_back(std::move(task));
  live.dirty = true;
}

// One write at a time per execution: what changes meanwhile goes into the next, so the registry never goes back.
void StatusWriter::persist(LiveExecution& live) {
  live.dirty = true;
  if (live.writing) return;
  live.dirty = false;
  live.writing = true;
  auto written = std::make_shared<Written>();
  written->status = live.status;
  written->lines = std::exchange(live.lines, {});
  written->effects = std::exchange(live.effects, {});
  written->afters = std::exchange(live.afters, {});
  RegistryBatch batch;
  if (live.creation) {
    if (live.creation->job) batch.jobs.push_back(*live.creation->job);
    batch.executions.push_back(live.creation->row);
  }
  batch.states.push_back({live.ex_id, live.status, live.reason, live.has_errors, live.failed,
                          live.stats ? encode_stats(*live.stats) : "", live.wanted, live.updated});
  // The first controller's epoch becomes durable with the decision to start it, which saves a sync.
  if (std::ranges::find(written->effects, ExecutionEffect::start_controller) != written->effects.end()) {
    if (auto epoch = next_epoch(live)) {
      batch.epochs.push_back(std::move(*epoch));
      written->has_epoch = true;
    }
  }
  batch.history = written->lines;
  registry_.write(std::move(batch),
                  [this, alive = std::weak_ptr<int>(alive_), id = live.ex_id, written](const Result<void>& result) {
                    if (!alive.expired()) persisted(id, written, result);
                  });
}

void StatusWriter::persisted(const ExecutionId& id, const std::shared_ptr<Written>& written,
                             const Result<void>& result) {
  LiveExecution* found = live_.find(id);
  if (found == nullptr) return;
  LiveExecution& live = *found;
  if (!result) {
    if (live.creation) {
      fail_creation(id, result.error());
    } else {
      write_again(live, *written, result.error());
    }
    return;
  }
  live.writing = false;
  live.durable_status = written->status;
  live.has_unused_epoch |= written->has_epoch;
  if (const auto creation = std::exchange(live.creation, std::nullopt)) creation->done({});
  for (const auto effect : written->effects) {
    if (effect == ExecutionEffect::start_controller) hooks_.start(live);
  }
  for (const auto& task : written->afters) task();
  if (live_.find(id) == nullptr) return;
  if (is_terminal(live.durable_status)) {
    hooks_.end(live);
  } else if (live.dirty) {
    persist(live);
  }
}

// It never was.
void StatusWriter::fail_creation(const ExecutionId& id, const Error& error) {
  const auto fresh = live_.take_out(id);
  fresh->creation->done(error);
  for (const auto& reply : fresh->stop_waiters) reply(error);
  hooks_.creation_failed();
}

// Nothing of it is told or done until it is durable: kept in front of what came later, and written again.
void StatusWriter::write_again(LiveExecution& live, const Written& written, const Error& error) {
  live.lines.insert(live.lines.begin(), written.lines.begin(), written.lines.end());
  live.effects.insert(live.effects.begin(), written.effects.begin(), written.effects.end());
  live.afters.insert(live.afters.begin(), written.afters.begin(), written.afters.end());
  if (!live.live_reason.starts_with("obstacle: "))
    live_.explain(live, fmt::format("obstacle: registry: its status cannot be written: {}", error.message));
  loop_.after(kRewrite, [this, alive = std::weak_ptr<int>(alive_), id = live.ex_id] {
    LiveExecution* again = alive.expired() ? nullptr : live_.find(id);
    if (again == nullptr) return;
    again->writing = false;
    persist(*again);
  });
}

Result<EpochRow> StatusWriter::next_epoch(LiveExecution& live) {
  ASSIGN_OR_RETURN(const std::uint64_t stored, registry_.epoch(live.job_id));
  live.epoch = std::max(live.epoch, stored) + 1;
  return EpochRow{live.job_id, live.epoch};
}

}  // namespace slicemill::master
