#include "execution-controller/settlement/publish_queue.h"

#include <optional>
#include <utility>

#include "core/runtime/fault.h"
#include "core/runtime/log.h"
#include "core/runtime/mutation.h"
#include "execution-controller/settlement/retry_policy.h"

namespace slicemill::controller {
namespace {

constexpr std::uint32_t kPublishTries = 10;
constexpr RetryPolicy kPublishRetries{.max_retries = kPublishTries, .base_ms = 200};

bool publishing_may_recover(const Error& error) {
  return error.code == ErrorCode::io || error.code == ErrorCode::no_space || error.code == ErrorCode::unavailable;
}

}  // namespace

PublishQueue::PublishQueue(Loop& loop, OutputPublisher* publisher, Hooks hooks)
    : loop_(loop), publisher_(publisher), hooks_(std::move(hooks)) {}

void PublishQueue::publish() {
  if (state_ != State::idle || waiting_.empty()) return;
  state_ = State::publishing;
  auto outputs = std::make_shared<std::vector<CommittedSlice>>(std::exchange(waiting_, {}));
  auto results = std::make_shared<std::vector<Result<void>>>();
  auto work = [publisher = publisher_, outputs, results] {
    std::vector<CommittedOutput> facts;
    facts.reserve(outputs->size());
    for (const auto& output : *outputs) facts.push_back(output.output);
    if (SLICEMILL_MUTATED("publish_at_one_sink"))
      for (auto& output : facts)
        if (output.facts.sinks.size() > 1) output.facts.sinks.items().resize(1);
    *results = publisher->publish(facts);
  };
  loop_.offload(Loop::Executor::publish, std::move(work),
                [this, outputs, results, alive = std::weak_ptr<bool>(alive_)] {
                  if (alive.expired()) return;
                  published(std::move(*outputs), *results);
                });
}

void PublishQueue::published(std::vector<CommittedSlice> outputs, const std::vector<Result<void>>& results) {
  state_ = State::idle;
  if (!fault("published")) {
    hooks_.on_fatal(Error(ErrorCode::io, "fault point published fired"));
    return;
  }
  bool tries_again = false;
  std::optional<Error> obstacle;
  trouble_.clear();
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (results[i]) {
      hooks_.on_published(outputs[i]);
      continue;
    }
    const Error& error = results[i].error();
    if (error.obstacle) {
      obstacle = error;
    } else if (publishing_may_recover(error) && failures_ < kPublishTries) {
      tries_again = true;
      trouble_ = error.message;
    } else {
      hooks_.on_lost(outputs[i], error);
      continue;
    }
    waiting_.push_back(std::move(outputs[i]));
  }
  if (obstacle) {
    state_ = State::obstructed;
    hooks_.on_obstacle(*obstacle);
  } else if (tries_again) {
    back_off();
  } else {
    failures_ = 0;
    publish();
  }
  hooks_.on_change();
}

void PublishQueue::back_off() {
  log(LogLevel::warn, "publishing waits: {}", trouble_);
  state_ = State::backing_off;
  loop_.after(std::chrono::milliseconds(kPublishRetries.backoff_ms(failures_++, loop_.random())),
              [this, alive = std::weak_ptr<bool>(alive_)] {
                if (alive.expired()) return;
                state_ = State::idle;
                publish();
              });
}

void PublishQueue::go_on() {
  if (state_ == State::obstructed) state_ = State::idle;
  publish();
}

std::size_t PublishQueue::abandon() {
  return std::exchange(waiting_, {}).size();
}

}  // namespace slicemill::controller
