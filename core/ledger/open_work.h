// What is still to be done, held in memory: the settled orders as intervals, the runs with unsettled slices, the slices
// that left their run without being settled.
//
// Pure: it decides what a batch means for creations and intervals; RocksLedger stores what take_changes() tells. Owner:
// RocksLedger's commit thread (before that thread starts: whoever opens). Its size follows what is open, never what is
// done (I7).
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "core/model/slice.h"
#include "core/runtime/interval_set.h"
#include "core/runtime/result.h"

namespace slicemill {

// Orders count from 1 per generation and slicer: a series.
struct SeriesKey {
  std::uint16_t generation = 0;
  std::uint32_t slicer = 0;
  auto operator<=>(const SeriesKey&) const = default;
};
inline SeriesKey series_of(const SliceKey& key) {
  return {key.generation, key.slicer};
}

// A creation record without its requests: orders [first, first + count).
struct RunSpan {
  SeriesKey series;
  std::uint64_t first = 0;
  std::uint64_t count = 0;
  std::uint64_t last() const { return first + count - 1; }
  bool operator==(const RunSpan&) const = default;
};

class OpenWork {
 public:
  // ---- as stored, no changes: intervals, then unsettled rows, then runs
  // -----------------------------------------------
  bool restore_settled(SeriesKey series, IntervalSet::Interval interval);  // ascending within a series; false if not
  void restore_left(const SliceKey& key);
  void restore_recommitted(const SliceKey& key);
  // Runs follow by created().

  // ---- facts of a batch, in this order ------------------------------------------------------------------------------
  // internal if the run is empty or shares orders with a run that is open.
  Result<void> created(const RunSpan& span);
  void commit(const SliceKey& key);  // its output is committed
  void settle(const SliceKey& key);  // of parts of a bisected slice only their outputs matter
  void settle(SeriesKey key, std::uint64_t first, std::uint64_t last);  // whole slices; the same one by one
  void leave(const SliceKey& key);                                      // its row is written
  Result<void> forget(const SliceKey& key);  // its row is erased; internal if nothing else knows of the slice (I1)

  // The row of a whole slice exists only if its order is settled or has left.
  bool may_have_row(const SliceKey& key) const;
  // Settled and above: [key.order, end of the interval] is settled. Nothing if key's order is not.
  std::optional<std::uint64_t> settled_until(const SliceKey& key) const;
  // Committed, not published, and not to be found in the gaps of what is settled.
  const std::set<SliceKey>& recommitted() const { return recommitted_; }
  // Slices of runs, neither settled nor in a row.
  std::uint64_t pending() const { return pending_; }
  // Their orders within a run, ascending.
  std::vector<IntervalSet::Interval> open_orders(const RunSpan& span) const;

  struct Changes {
    struct Series {
      SeriesKey series;
      IntervalSet::Changes settled;
    };
    std::vector<Series> series;
    std::vector<SliceKey> recommitted_put, recommitted_erase;
    std::vector<RunSpan> ended_runs;  // nothing of them is open: their creations are to be erased
  };
  Changes take_changes();

 private:
  struct Run {
    std::uint64_t count = 0;
    std::uint64_t open = 0;
  };
  struct Series {
    IntervalSet settled;
    std::set<std::uint64_t> left;       // orders with a row, not settled
    std::map<std::uint64_t, Run> runs;  // by first order; only those with open slices
    bool changed = false;
  };

  std::uint64_t open_in(const Series& series, const RunSpan& span) const;
  // `count` slices from this order on, all of one run if of any, are open no more.
  void close(SeriesKey key, Series& series, std::uint64_t order, std::uint64_t count = 1);

  Series& series_for(SeriesKey key);
  const Series* find_series(SeriesKey key) const;
  void mark_changed(SeriesKey key, Series& series);

  std::map<SeriesKey, Series> series_;
  std::vector<SeriesKey> changed_;          // without repeats
  std::pair<SeriesKey, Series*> recent_{};  // the series used last: batches seldom mix them
  std::set<SliceKey> recommitted_;
  std::set<SliceKey> recommitted_changed_;
  std::vector<RunSpan> ended_runs_;
  std::uint64_t pending_ = 0;
};

}  // namespace slicemill
