// A slice that the controller knows as more than a place in a run: leased, waiting for a retry, or being settled.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/model/slice.h"

namespace slicemill::controller {

struct ActiveSlice {
  SliceKey key;
  Attempt attempt;            // the latest one
  std::uint32_t tries = 0;    // attempts issued under this epoch
  std::uint32_t retries = 0;  // failed tries
  std::uint32_t crashes = 0;  // worker deaths charged to it
  WallMs created_ms = 0;
  std::uint32_t quarantined = 0;        // records of it, quarantined with its commit
  bool has_row = false;                 // the ledger has a row to erase when it completes
  bool replayed = false;                // born by an earlier execution of the lineage
  std::shared_ptr<const SliceRun> run;  // its request is run's index-th, or own_request if there is no run
  std::uint64_t index = 0;
  std::string own_request;

  std::string request() const { return run ? run->request(index) : own_request; }
};

}  // namespace slicemill::controller
