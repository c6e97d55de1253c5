// Slices on their way through the controller: single ones that it knows as more than a place in a run (leased, waiting
// for a retry, being settled), and spans of fresh ones that it does not take apart without need.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/model/slice.h"
#include "core/runtime/in_flight_marker.h"

namespace slicemill::controller {

inline SliceKey key_of(const InFlightSlice& begun) {
  return {static_cast<std::uint16_t>(begun.generation), static_cast<std::uint32_t>(begun.slicer), begun.order,
          begun.path};
}
inline Attempt attempt_of(const InFlightSlice& begun) {
  return {begun.epoch, static_cast<std::uint32_t>(begun.n)};
}

using SliceAttempts = std::vector<std::pair<SliceKey, Attempt>>;

struct ActiveSlice {
  SliceKey key;
  Attempt attempt;            // the latest one
  std::uint32_t tries = 0;    // attempts issued under this epoch
  std::uint32_t retries = 0;  // failed tries
  std::uint32_t crashes = 0;  // worker deaths charged to it
  WallMs created_ms = 0;
  std::uint32_t quarantined = 0;        // records of it, quarantined with its commit
  std::string worker{};                 // that had the latest attempt, once it told of it or died
  bool has_row = false;                 // the ledger has a row to erase when it completes
  bool replayed = false;                // created by an earlier execution of the lineage
  std::shared_ptr<const SliceRun> run;  // its request is run's index-th, or own_request if there is no run
  std::uint64_t index = 0;
  std::string own_request;

  std::string request() const { return run ? run->request(index) : own_request; }
  // How much of the source it is.
  std::uint64_t extent() const { return run ? run->extent(index, index + 1) : request_extent(own_request); }
};

// Indices [from, to) of a run, none of which was tried under this epoch.
struct SliceSpan {
  std::shared_ptr<const SliceRun> run;
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  bool replayed = false;  // created by an earlier execution of the lineage

  std::uint64_t size() const { return to - from; }
  // As one that was not tried yet. from <= index < to.
  ActiveSlice slice(std::uint64_t index) const {
    ActiveSlice single;
    single.key = run->key(index);
    single.created_ms = run->created_ms;
    single.replayed = replayed;
    single.run = run;
    single.index = index;
    return single;
  }
};

}  // namespace slicemill::controller
