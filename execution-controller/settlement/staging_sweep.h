// Removes the staged outputs of attempts that can never commit: those of dead workers, and after a restart those of
// earlier controllers that nobody came back with. Loop thread; files are removed on the publish executor.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "core/model/slice.h"
#include "core/outputs/output_publisher.h"
#include "core/runtime/loop.h"

namespace slicemill::controller {

class StagingSweep {
 public:
  using StagedAttempt = std::pair<SliceKey, Attempt>;

  StagingSweep(Loop& loop, OutputPublisher& publisher, std::uint64_t epoch);

  // An attempt under an earlier epoch that may still be published: committed, or adopted with its worker.
  void keep(const SliceKey& key, const Attempt& attempt) { kept_.emplace(key, attempt); }
  // From here on no attempt of an earlier epoch is kept or adopted any more. Only the first call counts.
  void begin();
  // Their worker is gone and they have no result.
  void lost(const std::vector<StagedAttempt>& attempts);

 private:
  void sweep();

  Loop& loop_;
  OutputPublisher& publisher_;
  std::uint64_t epoch_;
  std::set<StagedAttempt> kept_;
  std::set<StagedAttempt> lost_;
  bool begun_ = false;
  bool sweeping_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace slicemill::controller
