// WHERE A SLICE THAT IS GIVEN UP IS KEPT FROM BEING COMMITTED LATER. For sinks whose workers commit in another system:
// an attempt that nobody hears of any more may have committed there, or be about to. So a slice ends as an error, or
// stays open behind a stop, only once its claim is void; if it has committed after all, it is done. Loop thread; the
// target is asked on the publish executor.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/outputs/output_publisher.h"
#include "core/runtime/loop.h"
#include "execution-controller/dispatch/active_slice.h"

namespace slicemill::controller {

// A slice that is to end as an error.
struct EndedSlice {
  ActiveSlice slice;
  std::string error;
  std::optional<QuarantinedRecord> record;
};

class SliceFence {
 public:
  struct Hooks {
    std::function<void(const EndedSlice&)> on_fenced;
    std::function<void(ActiveSlice, ClaimedOutput)> on_committed;
    std::function<void(ActiveSlice)> on_given_up;   // after take_all(): it stays open
    std::function<void(const Error&)> on_obstacle;  // nothing is fenced until go_on()
    std::function<void(const Error&)> on_lost;      // the target has been away for too long, or refuses
    std::function<void()> on_change;
  };
  // What was found of slices that a stop gives up: those that are done after all; and why the target was not asked, if
  // it was not.
  struct Rest {
    std::vector<std::pair<ActiveSlice, ClaimedOutput>> committed;
    std::string trouble;
  };

  SliceFence(Loop& loop, OutputPublisher& publisher, std::uint64_t epoch, Hooks hooks);

  void add(EndedSlice slice);
  void go_on();
  // No more time for it: those that wait still stay open, and whatever comes.
  std::vector<ActiveSlice> take_all();
  // "" or why it does not get on.
  const std::string& trouble() const { return trouble_; }

  // Fences all that is not done in the lineage. Tries for a few seconds at most.
  void fence_rest(std::vector<ActiveSlice> given_up, std::function<void(Rest)> done);

 private:
  enum class State { idle, asking, backing_off, obstructed };
  using Answers = Result<std::vector<std::optional<ClaimedOutput>>>;

  void ask();
  void answered(const Answers& answers);
  void failed(const Error& error);
  void ask_rest();
  void rest_answered(const Answers& answers);

  // 14 members, since slices that failed and those of a stop are two conversations with one target.
  Loop& loop_;
  OutputPublisher& publisher_;
  const std::uint64_t epoch_;
  const Hooks hooks_;
  std::vector<EndedSlice> waiting_;
  std::vector<EndedSlice> asked_;
  State state_ = State::idle;
  bool is_closed_ = false;
  std::uint32_t failures_ = 0;  // in a row
  std::optional<SteadyTime> failing_since_;
  std::string trouble_;
  // ---- of a stop ----
  std::vector<ActiveSlice> given_up_;
  std::function<void(Rest)> on_rest_;
  SteadyTime rest_until_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace slicemill::controller
