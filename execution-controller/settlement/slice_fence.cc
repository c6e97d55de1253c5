#include "execution-controller/settlement/slice_fence.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "core/runtime/log.h"
#include "execution-controller/settlement/retry_policy.h"

namespace slicemill::controller {
namespace {

constexpr std::size_t kMostAtOnce = 256;
constexpr RetryPolicy kFenceRetries{.max_retries = 5, .base_ms = 200};
constexpr auto kPatience = std::chrono::seconds(60);
constexpr auto kRestPatience = std::chrono::seconds(8);
constexpr auto kRestPause = std::chrono::milliseconds(300);

bool may_pass(const Error& error) {
  return error.code == ErrorCode::unavailable || error.code == ErrorCode::timeout || error.code == ErrorCode::conflict;
}

std::vector<SliceKey> keys_of(const std::vector<ActiveSlice>& slices) {
  std::vector<SliceKey> keys;
  keys.reserve(slices.size());
  for (const ActiveSlice& slice : slices) keys.push_back(slice.key);
  return keys;
}

}  // namespace

SliceFence::SliceFence(Loop& loop, OutputPublisher& publisher, std::uint64_t epoch, Hooks hooks)
    : loop_(loop), publisher_(publisher), epoch_(epoch), hooks_(std::move(hooks)) {}

void SliceFence::add(EndedSlice slice) {
  if (is_closed_) {
    hooks_.on_given_up(std::move(slice.slice));
    return;
  }
  waiting_.push_back(std::move(slice));
  ask();
}

void SliceFence::ask() {
  if (state_ != State::idle || waiting_.empty()) return;
  state_ = State::asking;
  const auto count = static_cast<std::ptrdiff_t>(std::min(waiting_.size(), kMostAtOnce));
  asked_.assign(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(waiting_.begin() + count));
  waiting_.erase(waiting_.begin(), waiting_.begin() + count);
  std::vector<SliceKey> keys;
  keys.reserve(asked_.size());
  for (const EndedSlice& ended : asked_) keys.push_back(ended.slice.key);
  auto answers = std::make_shared<Answers>(std::vector<std::optional<ClaimedOutput>>());
  loop_.offload(
      Loop::Executor::publish,
      [this, answers, keys = std::move(keys)] { *answers = publisher_.fence(keys, epoch_, false); },
      [this, answers, alive = std::weak_ptr<bool>(alive_)] {
        if (!alive.expired()) answered(*answers);
      });
}

void SliceFence::answered(const Answers& answers) {
  state_ = State::idle;
  if (!answers && is_closed_) {
    for (EndedSlice& ended : std::exchange(asked_, {})) hooks_.on_given_up(std::move(ended.slice));
    hooks_.on_change();
    return;
  }
  if (!answers) {
    waiting_.insert(waiting_.begin(), std::make_move_iterator(asked_.begin()), std::make_move_iterator(asked_.end()));
    asked_.clear();
    failed(answers.error());
    hooks_.on_change();
    return;
  }
  failures_ = 0;
  failing_since_.reset();
  trouble_.clear();
  auto asked = std::exchange(asked_, {});
  for (std::size_t i = 0; i < asked.size(); ++i) {
    if ((*answers)[i])
      hooks_.on_committed(std::move(asked[i].slice), *(*answers)[i]);
    else
      hooks_.on_fenced(asked[i]);
  }
  ask();
  hooks_.on_change();
}

void SliceFence::failed(const Error& error) {
  trouble_ = fmt::format("{} failed slices wait to be fenced, so that nothing of them is written later: {}",
                         waiting_.size(), error.message);
  if (!failing_since_) failing_since_ = loop_.now();
  log(LogLevel::warn, "{}", trouble_);
  if (error.obstacle) {
    state_ = State::obstructed;
    hooks_.on_obstacle(error);
    return;
  }
  const bool is_final =
      may_pass(error) ? loop_.now() - *failing_since_ > kPatience : failures_ >= kFenceRetries.max_retries;
  if (is_final) {
    state_ = State::obstructed;
    hooks_.on_lost(Error(error.code, trouble_, false));
    return;
  }
  state_ = State::backing_off;
  loop_.after(std::chrono::milliseconds(
                  kFenceRetries.backoff_ms(std::min(failures_++, kFenceRetries.max_retries), loop_.random())),
              [this, alive = std::weak_ptr<bool>(alive_)] {
                if (alive.expired() || state_ != State::backing_off) return;
                state_ = State::idle;
                ask();
              });
}

void SliceFence::go_on() {
  if (state_ == State::obstructed) state_ = State::idle;
  ask();
}

std::vector<ActiveSlice> SliceFence::take_all() {
  is_closed_ = true;
  std::vector<ActiveSlice> slices;
  for (EndedSlice& ended : std::exchange(waiting_, {})) slices.push_back(std::move(ended.slice));
  trouble_.clear();
  return slices;
}

void SliceFence::fence_rest(std::vector<ActiveSlice> given_up, std::function<void(Rest)> done) {
  given_up_ = std::move(given_up);
  on_rest_ = std::move(done);
  rest_until_ = loop_.now() + kRestPatience;
  ask_rest();
}

void SliceFence::ask_rest() {
  auto answers = std::make_shared<Answers>(std::vector<std::optional<ClaimedOutput>>());
  loop_.offload(
      Loop::Executor::publish,
      [this, answers, keys = keys_of(given_up_)] { *answers = publisher_.fence(keys, epoch_, true); },
      [this, answers, alive = std::weak_ptr<bool>(alive_)] {
        if (!alive.expired()) rest_answered(*answers);
      });
}

void SliceFence::rest_answered(const Answers& answers) {
  if (!answers && may_pass(answers.error()) && loop_.now() + kRestPause < rest_until_) {
    trouble_ = answers.error().message;
    loop_.after(kRestPause, [this, alive = std::weak_ptr<bool>(alive_)] {
      if (!alive.expired()) ask_rest();
    });
    return;
  }
  Rest rest;
  if (!answers) {
    rest.trouble =
        fmt::format("what was under way could not be fenced, so it may be written still: {}", answers.error().message);
    log(LogLevel::warn, "{}", rest.trouble);
  } else {
    for (std::size_t i = 0; i < given_up_.size(); ++i)
      if ((*answers)[i]) rest.committed.emplace_back(std::move(given_up_[i]), *(*answers)[i]);
  }
  trouble_.clear();
  given_up_.clear();
  std::exchange(on_rest_, nullptr)(std::move(rest));
}

}  // namespace slicemill::controller
