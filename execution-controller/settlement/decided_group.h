// WHAT FOLLOWS ONCE A BATCH IS DURABLE. The slices that the batch being gathered decides are one group: what was
// committed may be published, what was settled counts. Loop thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "core/runtime/result.h"
#include "execution-controller/settlement/ledger_writer.h"
#include "execution-controller/settlement/publish_queue.h"

namespace slicemill::controller {

class DecidedGroup {
 public:
  // In this order, each once for a batch. None is called if the ledger fails.
  struct Hooks {
    std::function<void(std::vector<CommittedSlice>)> on_committed;
    std::function<void(std::uint64_t settled, std::uint64_t failed)> on_settled;  // slices; failed: of them, for good
    std::function<void()> on_change;
    std::function<void(const Error&)> on_fatal;  // instead of the rest: a fault point fired
  };

  // The writer outlives it, and tells of no batch after its end.
  DecidedGroup(LedgerWriter& writer, Hooks hooks) : writer_(writer), hooks_(std::move(hooks)) {}

  void add_committed(CommittedSlice output) { present().committed.push_back(std::move(output)); }
  void add_settled(std::uint64_t slices) { present().settled += slices; }
  void add_failed();

 private:
  struct Group {
    std::uint64_t batch = 0;
    std::vector<CommittedSlice> committed;
    std::uint64_t settled = 0;
    std::uint64_t failed = 0;
  };

  Group& present();
  void durable(Group& group);

  LedgerWriter& writer_;
  const Hooks hooks_;
  std::shared_ptr<Group> group_;
};

}  // namespace slicemill::controller
