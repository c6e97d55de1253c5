// WHERE A COMMITTED OUTPUT GETS ITS NAME. Outputs whose commit is durable are published in groups, one group at a time;
// what cannot be published now is tried again, or waits for an obstacle to pass. Loop thread; files are touched on the
// publish executor.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/ledger/slice_ledger.h"
#include "core/outputs/output_publisher.h"
#include "core/runtime/loop.h"
#include "execution-controller/dispatch/active_slice.h"

namespace slicemill::controller {

struct CommittedSlice {
  ActiveSlice slice;
  CommittedOutput output;
  std::uint64_t records_in = 0;
};

class PublishQueue {
 public:
  struct Hooks {
    std::function<void(const CommittedSlice&)> on_published;
    std::function<void(const CommittedSlice&, const Error&)> on_lost;  // it can never be published
    std::function<void(const Error&)> on_obstacle;                     // nothing is published until go_on()
    std::function<void()> on_change;                                   // after all of a group were told
    std::function<void(const Error&)> on_fatal;
  };

  // publisher: nullptr if there will be nothing to publish.
  PublishQueue(Loop& loop, OutputPublisher* publisher, Hooks hooks);

  void push(CommittedSlice output) { waiting_.push_back(std::move(output)); }
  // Publishes all that waits, unless a group is under way or something is waited for.
  void publish();
  // The obstacle is gone.
  void go_on();
  // Forgets what waits: it stays committed, for whoever opens the ledger next. How many there were.
  std::size_t abandon();
  // "" or why publishing does not get on (disk full, ...).
  const std::string& trouble() const { return trouble_; }

 private:
  enum class State { idle, publishing, backing_off, obstructed };

  void published(std::vector<CommittedSlice> outputs, const std::vector<Result<void>>& results);
  void back_off();

  Loop& loop_;
  OutputPublisher* publisher_;
  const Hooks hooks_;
  std::vector<CommittedSlice> waiting_;
  State state_ = State::idle;
  std::uint32_t failures_ = 0;  // groups in a row with an output that is tried again
  std::string trouble_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace slicemill::controller
