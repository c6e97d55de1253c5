// What keeps an execution from going on though nobody is at fault: a full disk, a device that fails, a file system that
// was made read-only, no descriptors left (Error::obstacle). Keeps the reason, tries with growing waits whether it is
// gone, and tells. Loop thread.
//
// It is no wish of a user's and never touches the wanted state: when it clears, a paused execution stays paused.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/model/stats.h"
#include "core/runtime/loop.h"
#include "core/runtime/result.h"

namespace slicemill::controller {

// In the place of where: it is not of this machine.
inline constexpr std::string_view kOtherSystem = "other system";

class Obstacle {
 public:
  using Answer = std::function<void(const Result<void>&)>;
  struct Hooks {
    std::function<void(Answer)> probe;  // tries whether it is gone; answers later
    std::function<void()> on_raised;    // once, until it is cleared
    std::function<void()> on_cleared;   // once
  };
  static constexpr std::int64_t kFirstWaitMs = 250;  // doubles
  static constexpr std::int64_t kLongestWaitMs = 5'000;
  // One that comes back sooner than this after it cleared goes on with the waits that it had.
  static constexpr std::int64_t kSettledMs = 10'000;

  Obstacle(Loop& loop, Hooks hooks);

  // where: "output", "ledger" or kOtherSystem. While it is up, a further one only changes the reason.
  void raise(std::string_view where, const Error& error);
  // Does not wait for the next try; `then` runs when that is over, at once if there is nothing to try.
  void retry_now(std::function<void()> then);

  bool up() const { return up_; }
  // "obstacle: output: cannot create /out/x: No space left on device"; "" if there is none.
  std::string reason() const;
  std::optional<ObstacleView> view() const;

 private:
  void wait();
  void probe();
  void probed(const Result<void>& passed);
  std::int64_t next_wait_ms();

  Loop& loop_;
  Hooks hooks_;
  bool up_ = false;
  bool probing_ = false;
  std::string where_;
  std::string message_;
  WallMs since_ms_ = 0;
  std::uint32_t tries_ = 0;
  std::uint32_t doublings_ = 0;
  SteadyTime cleared_at_;
  Loop::TimerId timer_ = 0;
  std::vector<std::function<void()>> waiters_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace slicemill::controller
