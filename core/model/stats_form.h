// The fields of Stats for core/runtime/binary_form.h: what messages carry, and what the registry keeps.
#pragma once

#include <type_traits>

#include "core/model/stats.h"
#include "core/runtime/binary_form.h"

namespace slicemill {

template <typename Io, typename C>
requires std::is_same_v<std::remove_const_t<C>, SliceCounters>
void describe(Io& io, C& counters) {
  for (const SliceCounterField& field : kSliceCounters) io.number(counters.*field.value);
}

template <typename Io, typename T>
requires std::is_same_v<std::remove_const_t<T>, OperationTotals>
void describe(Io& io, T& totals) {
  io.number(totals.records);
  io.number(totals.bytes);
  io.number(totals.time_ns);
}

namespace stats_form {

constexpr auto kNumber = [](auto& io, auto& v) { io.number(v); };
constexpr auto kReal = [](auto& io, auto& v) { io.real(v); };
constexpr auto kText = [](auto& io, auto& v) { io.text(v); };
constexpr auto kTime = [](auto& io, auto& v) { io.signed_number(v); };

constexpr auto kOperation = [](auto& io, auto& operation) {
  io.text(operation.op);
  io.number(operation.order);
  io.number(operation.slices);
  io.number(operation.measured);
  io.optional(operation.records_in, kNumber);
  describe(io, operation.totals);
  io.optional(operation.share, kReal);
};

constexpr auto kRemaining = [](auto& io, auto& remaining) {
  io.real(remaining.expected);
  io.real(remaining.low);
  io.real(remaining.high);
};

constexpr auto kSlowest = [](auto& io, auto& slowest) {
  io.text(slowest.op);
  io.number(slowest.order);
  io.real(slowest.share);
};

constexpr auto kProgress = [](auto& io, auto& progress) {
  io.optional(progress.percent, kReal);
  io.number(progress.done);
  io.optional(progress.total, kNumber);
  io.text(progress.unit);
  io.optional(progress.records_per_second, kReal);
  io.optional(progress.bytes_per_second, kReal);
  io.flag(progress.are_bytes_of_input);
  io.optional(progress.remaining, kRemaining);
  io.optional(progress.slowest, kSlowest);
  io.number(progress.workers);
  io.number(progress.workers_wanted);
  io.number(progress.failures);
};

constexpr auto kObstacle = [](auto& io, auto& obstacle) {
  io.text(obstacle.where);
  io.text(obstacle.reason);
  io.signed_number(obstacle.since);
  io.number(obstacle.tries);
};

constexpr auto kByteRange = [](auto& io, auto& bytes) {
  io.number(bytes.from);
  io.number(bytes.to);
};

constexpr auto kFirstError = [](auto& io, auto& first) {
  io.text(first.error);
  io.text(first.file);
  io.optional(first.bytes, kByteRange);
  io.text(first.place);
  io.optional(first.record, kText);
  io.number(first.slicer);
  io.number(first.order);
  io.flag(first.is_quarantined);
};

constexpr auto kSummary = [](auto& io, auto& summary) {
  io.text(summary.ex_id);
  io.text(summary.name);
  io.text(summary.status);
  io.text(summary.reason);
  io.signed_number(summary.created);
  io.optional(summary.resumed, kTime);
  io.signed_number(summary.ended);
  io.number(summary.records_before);
  io.list(summary.remarks, kText);
  io.optional(summary.output, kText);
};

}  // namespace stats_form

template <typename Io, typename S>
requires std::is_same_v<std::remove_const_t<S>, Stats>
void describe(Io& io, S& stats) {
  describe(io, stats.slices);
  io.number(stats.workers.connected);
  io.number(stats.workers.active);
  io.number(stats.workers.joined);
  io.number(stats.workers.reconnected);
  io.number(stats.workers.disconnected);
  io.number(stats.speculation.begun);
  io.number(stats.speculation.won);
  io.number(stats.queued);
  io.number(stats.in_flight);
  io.number(stats.slicers);
  io.signed_number(stats.started);
  io.optional(stats.queuing_complete, stats_form::kTime);
  io.optional(stats.finished, stats_form::kTime);
  io.optional(stats.obstacle, stats_form::kObstacle);
  io.list(stats.operations, stats_form::kOperation);
  stats_form::kProgress(io, stats.progress);
  io.optional(stats.first_error, stats_form::kFirstError);
  io.list(stats.notices, stats_form::kText);
  io.optional(stats.summary, stats_form::kSummary);
}

}  // namespace slicemill
