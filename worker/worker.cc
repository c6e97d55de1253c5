#include "worker/worker.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "core/runtime/log.h"

namespace slicemill::worker {
namespace {

// Results carry quarantined records, so their number says nothing of their size.
constexpr std::size_t kMostFrameBytes = 16 << 20;
// A controller that lost the connection, whatever the reason, hears of us again after so many.
constexpr int kHeartbeatsWithoutMessage = 5;

std::size_t bytes_of(const wire::SliceResult& result) {
  std::size_t bytes = 256 + result.error.size();
  for (const auto& record : result.quarantined)
    bytes += 64 + record.operation.size() + record.place.size() + record.bytes.size() + record.error.size();
  for (const auto& remark : result.remarks) bytes += 64 + remark.text.size();
  return bytes;
}

// How many of the results from `from` on make one frame: at least one, if there is one.
std::size_t frame_of(const std::deque<wire::SliceResult>& results, std::size_t from) {
  std::size_t to = from;
  for (std::size_t bytes = 0; to < results.size(); ++to) {
    bytes += bytes_of(results[to]);
    if (to > from && bytes > kMostFrameBytes) break;
  }
  return to - from;
}

}  // namespace

Worker::Worker(Loop& loop, std::unique_ptr<ClientChannel> channel, ProcessMonitor* monitor, WorkerSettings settings,
               RunnerOf runner_of, std::function<void(const std::string&)> on_end, ExecutorOf executor_of)
    : loop_(loop),
      channel_(std::move(channel)),
      monitor_(monitor),
      settings_(std::move(settings)),
      runner_of_(std::move(runner_of)),
      on_end_(std::move(on_end)),
      executor_of_(std::move(executor_of)) {}

Worker::~Worker() = default;

void Worker::start() {
  channel_->on_frame([this](std::string_view frame) { on_frame(frame); });
  welcome_lost_at_ = loop_.now();
  say_hello();
  heartbeat();
}

bool Worker::send(const wire::Message& message) {
  return channel_->send(wire::encode(message));
}

void Worker::say_hello() {
  welcomed_ = false;
  given_back_.clear();  // what is not held any more is missing in the Hello, which says the same
  recalled_ = false;
  pulse_ms_ = 0;
  heartbeats_without_message_ = 0;
  rest_no_more();
  told_.reset();
  hello_at_ = loop_.now();
  // First: a slice that ends meanwhile is in both lists, and not in neither.
  std::vector<wire::HeldSlice> held = executor_ ? executor_->held() : std::vector<wire::HeldSlice>();
  if (executor_)
    for (auto& result : executor_->take_results()) unacked_.push_back(std::move(result));
  const std::size_t told = frame_of(unacked_, 0);
  wire::Hello hello{.worker_id = settings_.worker_id,
                    .process = settings_.process,
                    .marker_path = settings_.marker_path,
                    .held = std::move(held),
                    .first_seq = first_unacked_,
                    .unacked = {unacked_.begin(), unacked_.begin() + static_cast<std::ptrdiff_t>(told)}};
  // What does not fit is held still: its results follow the Welcome.
  for (std::size_t i = told; i < unacked_.size(); ++i) hello.held.push_back({unacked_[i].key, unacked_[i].attempt});
  sent_ = first_unacked_ + told - 1;
  send(hello);
}

// Lease renewal. Also the moment to notice that nobody answers a Hello.
void Worker::heartbeat() {
  if (ended_) return;
  const auto now = loop_.now();
  if (welcomed_) {
    if (pulse_ms_ > 0) pulse_->beat(now);
    send_results();  // what did not fit before
    give_back({});
    tell_heartbeat();
  } else if (now - welcome_lost_at_ > std::chrono::milliseconds(settings_.patience_ms)) {
    end("no controller for too long");
    return;
  } else if (now - hello_at_ >= std::chrono::milliseconds(settings_.hello_again_ms)) {
    channel_->reconnect();
    say_hello();
  }
  rests_ = pulse_ms_ > 0 && heartbeats_without_message_ > 0;
  heartbeat_after(rests_ ? std::max(pulse_ms_, beat_ms_) : beat_ms_);
}

void Worker::heartbeat_after(std::int64_t ms) {
  loop_.cancel(heartbeat_timer_);
  heartbeat_timer_ = loop_.around(std::chrono::milliseconds(ms), [this, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) heartbeat();
  });
}

// The lease of one that works is shorter.
void Worker::rest_no_more() {
  if (std::exchange(rests_, false)) heartbeat_after(beat_ms_);
}

// With a pulse that is looked at, a worker that has nothing and knows nothing new says so only now and then.
void Worker::tell_heartbeat() {
  const wire::Heartbeat heartbeat = heartbeat_now();
  const bool has_nothing = heartbeat.held == 0 && heartbeat.acked == heartbeat.sent && !heartbeat.leaving;
  if (pulse_ms_ > 0 && has_nothing && told_ == heartbeat && heartbeats_without_message_ < kHeartbeatsWithoutMessage) {
    ++heartbeats_without_message_;
    return;
  }
  heartbeats_without_message_ = 0;
  send(heartbeat);
  told_ = heartbeat;
}

// Behind everything that was sent before: what the controller still misses then did not arrive.
wire::Heartbeat Worker::heartbeat_now() const {
  std::uint64_t held = given_back_.size() + (executor_ ? executor_->unfinished() : 0);
  for (std::size_t i = 0; i < unacked_.size(); ++i)
    if (first_unacked_ + i > sent_) held += unacked_[i].count;
  return {.epoch = epoch_,
          .running = executor_ && executor_->running(),
          .acked = first_unacked_ - 1,
          .sent = sent_,
          .held = held,
          .leaving = leaving_,
          .log_level = log_level_};
}

void Worker::on_frame(std::string_view frame) {
  auto decoded = wire::decode(frame);
  if (!decoded) {
    log(LogLevel::warn, "from the controller: {}", decoded.error().message);
    return;
  }
  auto& message = *decoded;
  if (const auto* welcome = std::get_if<wire::Welcome>(&message)) {
    on_welcome(*welcome);
  } else if (std::holds_alternative<wire::HelloAgain>(message)) {
    // A second Hello would take back what is ordered between them. One that is not answered is said again with time.
    if (welcomed_) say_hello();
  } else if (!welcomed_) {
    return;  // of an earlier connection
  } else if (auto* dispatch = std::get_if<wire::Dispatch>(&message)) {
    if (dispatch->epoch != epoch_) return;
    rest_no_more();
    auto slices = wire::take_slices(*dispatch);
    if (!leaving_) {
      executor_->add(std::move(slices));
      return;
    }
    std::vector<wire::HeldSlice> refused;
    for (const auto& slice : slices) refused.push_back({slice.key, slice.attempt});
    give_back(std::move(refused));
  } else if (const auto* acked = std::get_if<wire::Acked>(&message)) {
    while (!unacked_.empty() && first_unacked_ <= acked->seq) {
      unacked_.pop_front();
      ++first_unacked_;
    }
    go_if_done();
  } else if (const auto* recall = std::get_if<wire::Recall>(&message)) {
    if (recall->epoch == epoch_ && executor_) {
      recalled_ = true;
      give_back(executor_->take_back(recall->keep));
    }
  } else if (const auto* unwanted = std::get_if<wire::Cancel>(&message)) {
    if (unwanted->epoch == epoch_) cancel(unwanted->slices);
  } else if (std::holds_alternative<wire::Leave>(message)) {
    leave();
  } else if (const auto* level = std::get_if<wire::SetLogLevel>(&message)) {
    obey_log_level(level->level);
  } else if (std::holds_alternative<wire::PulseWanted>(message)) {
    show_pulse();
  } else if (const auto* taken = std::get_if<wire::PulseTaken>(&message)) {
    if (pulse_) pulse_ms_ = static_cast<std::int64_t>(taken->every_ms);
  }
}

void Worker::on_welcome(const wire::Welcome& welcome) {
  if (welcome.epoch < epoch_) return;  // a fenced controller
  epoch_ = welcome.epoch;
  welcomed_ = true;
  beat_ms_ = static_cast<std::int64_t>(welcome.beat_ms);
  obey_log_level(welcome.log_level);
  if (monitor_ != nullptr && welcome.controller.pid != 0)
    controller_watch_ = monitor_->watch(welcome.controller, [this](ProcessExit) { controller_gone(); });
  if (!executor_) {
    std::unique_ptr<InFlightMarker> note;
    if (!settings_.marker_path.empty()) {
      auto created = create_in_flight_marker(settings_.marker_path, settings_.process);
      if (!created) {
        cannot_work(created.error());
        return;
      }
      note = std::move(*created);
      note_ = note.get();
      if (leaving_) note_->excuse();
    }
    executor_ = executor_of_(
        loop_, [this, welcome] { return runner_of_(welcome); }, std::move(note),
        SliceExecutor::Hooks{.on_results = [this] { send_results(); },
                             .on_no_runner = [this](const Error& error) { cannot_work(error); }});
  } else {
    cancel(welcome.cancelled);
  }
  log(LogLevel::info, "controller (pid {}) welcomes us under epoch {}", welcome.controller.pid, epoch_);
  send_results();
  go_if_done();
}

// Without one, heartbeats go on being messages.
void Worker::show_pulse() {
  if (!settings_.has_pulse || !controller_watch_) return;
  if (!pulse_) {
    auto created = Pulse::create();
    if (!created) return;
    pulse_ = std::move(*created);
  }
  pulse_->beat(loop_.now());
  send(wire::Pulse{pulse_->path()});
}

void Worker::send_results() {
  if (!executor_) return;
  for (auto& result : executor_->take_results()) unacked_.push_back(std::move(result));
  const std::uint64_t last = first_unacked_ + unacked_.size() - 1;
  if (!welcomed_) return;
  sent_ = std::max(sent_, first_unacked_ - 1);
  while (sent_ < last) {
    const auto from = static_cast<std::size_t>(sent_ + 1 - first_unacked_);
    const std::size_t count = frame_of(unacked_, from);
    const auto begin = unacked_.begin() + static_cast<std::ptrdiff_t>(from);
    wire::Results results{.epoch = epoch_, .first_seq = sent_ + 1};
    results.results.assign(begin, begin + static_cast<std::ptrdiff_t>(count));
    if (!send(results)) return;
    sent_ += count;
  }
}

void Worker::obey_log_level(const std::string& level) {
  log_level_ = level;
  if (const auto parsed = parse_log_level(level)) set_log_level(*parsed);
}

// A recall is answered even if nothing waits. What cannot be sent now is sent later: nobody else knows of it.
void Worker::give_back(std::vector<wire::HeldSlice> slices) {
  given_back_.insert(given_back_.end(), slices.begin(), slices.end());
  if (!welcomed_ || (given_back_.empty() && !recalled_)) return;
  if (!send(wire::Recalled{epoch_, given_back_})) return;
  given_back_.clear();
  recalled_ = false;
}

void Worker::cancel(const std::vector<wire::HeldSlice>& slices) {
  if (auto forgotten = executor_->cancel(slices); !forgotten.empty()) give_back(std::move(forgotten));
}

void Worker::leave() {
  if (!leaving_) {
    leaving_ = true;
    if (note_ != nullptr) note_->excuse();
    if (welcomed_) send(heartbeat_now());  // first: what is given back is not to come here again
    if (executor_) give_back(executor_->take_back(0));
  }
  go_if_done();
}

void Worker::go_if_done() {
  if (!leaving_ || ended_ || !unacked_.empty() || !given_back_.empty() || (executor_ && !executor_->idle())) return;
  send(wire::Goodbye{});
  end("");
}

// A new controller may be on its way: everything is kept, and a fresh connection waits for it.
void Worker::controller_gone() {
  log(LogLevel::warn, "the controller is gone; waiting for the next one");
  welcome_lost_at_ = loop_.now();
  controller_watch_.reset();
  channel_->reconnect();
  say_hello();
}

// What is wrong with the job ends the execution; what is wrong with the machine only ends this worker, and the next one
// may have more luck.
void Worker::cannot_work(const Error& error) {
  obstructed_ = error.obstacle;
  if (!ended_) send(wire::Goodbye{error.obstacle ? "" : error.message});
  end(error.message);
}

void Worker::end(const std::string& reason) {
  if (ended_) return;
  ended_ = true;
  if (!reason.empty()) log(LogLevel::error, "{}", reason);
  // The farewell leaves first: the socket is closed without lingering.
  loop_.after(std::chrono::milliseconds(monitor_ != nullptr ? 20 : 0),
              [this, reason, alive = std::weak_ptr<bool>(alive_)] {
                if (!alive.expired()) on_end_(reason);
              });
}

}  // namespace slicemill::worker
