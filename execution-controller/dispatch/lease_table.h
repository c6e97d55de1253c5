// Who holds what: every slice that was given to a worker and has not come back. Pure; loop thread.
//
// Slices that were given as one span are one entry with a mark per slice, so a span that is done in one go costs the
// same as a slice. A slice has at most one lease.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "execution-controller/dispatch/active_slice.h"

namespace slicemill::controller {

class LeaseTable {
 public:
  using WorkerNumber = std::uint64_t;
  struct Holder {
    WorkerNumber worker = 0;
    Attempt attempt;
    bool operator==(const Holder&) const = default;
  };

  // Of one slice that is not part of a span.
  struct Single {
    ActiveSlice slice;
    WorkerNumber worker = 0;
    std::uint64_t given = 0;  // leases are numbered in the order in which they were added
    bool doubled = false;     // it had a second attempt (speculation.h)
  };

  // slice.attempt is the one under which it was given. Requires: nobody holds it.
  void add(ActiveSlice slice, WorkerNumber worker);
  // All of them under this attempt, the first one of their epoch. Requires: nobody holds one of them.
  void add(SliceSpan span, const Attempt& attempt, WorkerNumber worker);

  std::optional<Holder> holder(const SliceKey& key) const;
  // Ends a lease. Requires: somebody holds it. Of a span: as a single one that was tried.
  ActiveSlice take(const SliceKey& key);
  // Ends the leases of slices with consecutive orders of one run, if this holder has all of them: as they were given,
  // or one by one as they were adopted. Nothing if the ledger has a row of one of them, which must go with the slice,
  // or one of them had a second attempt, which must end with it.
  std::optional<SliceSpan> take(const SliceKey& first, std::uint64_t count, const Holder& holder);
  // Ends all leases, or those of one worker; in the order of keys.
  std::vector<ActiveSlice> take_all();
  std::vector<ActiveSlice> take_all(WorkerNumber worker);

  // The lease that this worker got first, of those that it still has and that had no second attempt; it is a single one
  // from now on, also if it came with a span. nullptr: there is none. Valid until the table changes.
  Single* oldest_undoubled(WorkerNumber worker);
  // Requires: somebody holds it, as a single one. Valid until the table changes.
  Single& single(const SliceKey& key) { return singles_.at(key); }

  // In the order of keys.
  std::vector<SliceKey> held_by(WorkerNumber worker) const;
  std::size_t size() const { return size_; }

 private:
  struct Span {
    SliceSpan slices;
    Holder holder;
    std::vector<bool> held;   // by index in the span
    std::uint64_t count = 0;  // of those held
    std::uint64_t given = 0;
  };
  using Spans = std::map<SliceKey, Span>;  // by first key; they do not overlap

  // The span that has the key, held or not; or the end.
  template <typename AnySpans>
  static auto span_of(AnySpans& spans, const SliceKey& key);
  std::optional<SliceSpan> take_singles(const SliceKey& first, std::uint64_t count, const Holder& holder);
  static bool is_held(const Span& span, const SliceKey& key);
  static ActiveSlice slice_of(const Span& span, std::uint64_t place);
  void release(Spans::iterator span, std::uint64_t place, std::uint64_t count);

  std::unordered_map<SliceKey, Single> singles_;
  Spans spans_;
  std::size_t size_ = 0;
  std::uint64_t given_ = 0;
};

}  // namespace slicemill::controller
