#include "master/event_feed.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "core/runtime/log.h"

namespace slicemill::master {
namespace {

constexpr Duration kSecond = std::chrono::seconds(1);
constexpr std::int64_t kPage = 256;  // changes that are read at once

std::size_t size_of(const StatusChange& change) {
  return sizeof(change) + change.job_id.text.size() + change.ex_id.text.size() + change.reason.size();
}

}  // namespace

class ExecutionEventFeed::Stream final : public EventStream {
 public:
  Stream(ExecutionEventFeed& feed, EventFilter filter, std::int64_t after)
      : feed_(feed), filter_(std::move(filter)), after_(after) {
    feed_.streams_.insert(this);
  }
  ~Stream() override { feed_.streams_.erase(this); }

  std::vector<ExecutionEventOf> take(std::size_t most) override {
    std::vector<ExecutionEventOf> events;
    take_read(events, most);
    if (!is_reading_ && read_.empty() && failure_.empty()) {
      if (after_ < feed_.before_recent_) {
        read_more();
      } else {
        take_recent(events, most);
        if (events.size() < most) take_progress(events, most);
      }
    }
    return events;
  }

  bool at_end() const override {
    if (!failure_.empty()) return read_.empty();
    const bool is_behind = !feed_.recent_.empty() && after_ < feed_.recent_.back()->id;
    return feed_.closed_ && read_.empty() && !is_reading_ && !is_behind;
  }
  std::string why_ended() const override { return failure_; }
  void on_ready(std::function<void()> wake) override { wake_ = std::move(wake); }

  bool wants(const JobId& job, const ExecutionId& execution) const { return filter_.wants(job, execution); }
  void wake() const {
    if (wake_) wake_();
  }

 private:
  void take_read(std::vector<ExecutionEventOf>& events, std::size_t most) {
    while (!read_.empty() && events.size() < most) {
      events.emplace_back(std::make_shared<const StatusChange>(std::move(read_.front())));
      read_.pop_front();
    }
  }

  void read_more() {
    is_reading_ = true;
    // A short page is all up to here, whatever the filter left out.
    feed_.registry_.changes_after(
        after_, filter_, kPage,
        [this, alive = std::weak_ptr<int>(alive_),
         newest = feed_.registry_.newest_change()](Result<std::vector<StatusChange>> changes) {
          if (alive.expired()) return;
          is_reading_ = false;
          if (changes) {
            if (!changes->empty()) after_ = changes->back().id;
            if (static_cast<std::int64_t>(changes->size()) < kPage) after_ = std::max(after_, newest);
            read_.assign(std::make_move_iterator(changes->begin()), std::make_move_iterator(changes->end()));
          } else {
            failure_ = changes.error().message;
          }
          wake();
        });
  }

  void take_recent(std::vector<ExecutionEventOf>& events, std::size_t most) {
    auto next = std::ranges::upper_bound(feed_.recent_, after_, {}, [](const auto& change) { return change->id; });
    for (; next != feed_.recent_.end() && events.size() < most; ++next) {
      after_ = (*next)->id;
      if (wants((*next)->job_id, (*next)->ex_id)) events.emplace_back(*next);
    }
  }

  // A round over what lives begins with each second, and may take several calls.
  void take_progress(std::vector<ExecutionEventOf>& events, std::size_t most) {
    if (shown_second_ == feed_.second_) return;
    auto next = round_ ? feed_.progress_.upper_bound(*round_) : feed_.progress_.begin();
    if (!round_) note_what_was_skipped(events);
    for (; next != feed_.progress_.end() && events.size() < most; ++next) {
      const auto& [id, shown] = *next;
      round_ = id;
      if (shown.second > shown_second_ && wants(shown.report->job_id, id)) events.emplace_back(shown.report);
    }
    if (next != feed_.progress_.end()) return;
    round_.reset();
    shown_second_ = feed_.second_;
  }

  void note_what_was_skipped(std::vector<ExecutionEventOf>& events) const {
    if (shown_second_ == 0) return;  // it begins
    const bool was_skipped = std::ranges::any_of(feed_.progress_, [&](const auto& entry) {
      return entry.second.former > shown_second_ && wants(entry.second.report->job_id, entry.first);
    });
    if (was_skipped) events.emplace_back(SkippedProgress{feed_.second_ - shown_second_ - 1});
  }

  ExecutionEventFeed& feed_;
  const EventFilter filter_;
  std::int64_t after_;  // what is behind it was not taken, nor read
  std::deque<StatusChange> read_;
  bool is_reading_ = false;
  std::string failure_;
  std::uint64_t shown_second_ = 0;    // whose progress was taken; 0: of none
  std::optional<ExecutionId> round_;  // the last one in a round that is not over
  std::function<void()> wake_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

ExecutionEventFeed::ExecutionEventFeed(Loop& loop, Registry& registry, Executions& executions)
    : loop_(loop), registry_(registry), executions_(executions), before_recent_(registry.newest_change()) {
  registry_.watch_changes([this](std::int64_t id, const HistoryRow& row) { take_change(id, row); });
}

ExecutionEventFeed::~ExecutionEventFeed() {
  registry_.watch_changes(nullptr);
  loop_.cancel(timer_);
}

Result<void> ExecutionEventFeed::check(const EventFilter& filter) const {
  if (filter.ex_id) {
    ASSIGN_OR_RETURN(const auto row, registry_.execution_beginning(*filter.ex_id));
    if (!row) return Error{ErrorCode::not_found, fmt::format("Execution {} was not found", filter.ex_id->text)};
  }
  if (filter.job_id) {
    ASSIGN_OR_RETURN(const auto row, registry_.job_beginning(*filter.job_id));
    if (!row) return Error{ErrorCode::not_found, fmt::format("Job {} was not found", filter.job_id->text)};
  }
  return {};
}

Result<std::unique_ptr<EventStream>> ExecutionEventFeed::follow(const EventFilter& filter,
                                                                std::optional<std::int64_t> after) {
  RETURN_IF_ERROR(check(filter));
  if (closed_) return Error{ErrorCode::unavailable, "the master is shutting down"};
  if (streams_.size() >= kMostStreams)
    return Error{ErrorCode::unavailable, fmt::format("{} clients follow events already", kMostStreams)};
  const std::int64_t newest = registry_.newest_change();
  auto stream = std::make_unique<Stream>(*this, filter, std::clamp<std::int64_t>(after.value_or(newest), 0, newest));
  if (timer_ == 0) look_at_progress();
  return std::unique_ptr<EventStream>(std::move(stream));
}

void ExecutionEventFeed::close() {
  closed_ = true;
  wake([](const Stream&) { return true; });
}

template <typename Wants>
void ExecutionEventFeed::wake(Wants wants) {
  for (const Stream* stream : streams_)
    if (wants(*stream)) stream->wake();
}

void ExecutionEventFeed::take_change(std::int64_t id, const HistoryRow& row) {
  StatusChange change{id, {}, row.ex_id, row.at, row.from, row.event, row.to, row.reason};
  if (const LiveExecution* live = executions_.find(row.ex_id)) {
    change.job_id = live->job_id;
  } else if (const auto known = registry_.execution_beginning(row.ex_id); known && *known) {
    change.job_id = (*known)->job_id;
  }
  const JobId job = change.job_id;
  recent_bytes_ += size_of(change);
  recent_.push_back(std::make_shared<const StatusChange>(std::move(change)));
  while (recent_.size() > kMostRecent || recent_bytes_ > kMostRecentBytes) {
    before_recent_ = recent_.front()->id;
    recent_bytes_ -= size_of(*recent_.front());
    recent_.pop_front();
  }
  wake([&](const Stream& stream) { return stream.wants(job, row.ex_id); });
}

void ExecutionEventFeed::look_at_progress() {
  if (streams_.empty()) {
    timer_ = 0;
    progress_.clear();
    return;
  }
  timer_ = loop_.after(kSecond, [this] { look_at_progress(); });
  ++second_;
  std::erase_if(progress_, [this](const auto& entry) { return executions_.find(entry.first) == nullptr; });
  for (const LiveExecution* live : executions_.all())
    if (live->progress) show_progress(*live);
}

void ExecutionEventFeed::show_progress(const LiveExecution& live) {
  Shown& shown = progress_[live.ex_id];
  if (shown.report && shown.report->progress == *live.progress && shown.report->status == live.durable_status) return;
  shown.report = std::make_shared<const ProgressReport>(
      ProgressReport{live.job_id, live.ex_id, loop_.wall_ms(), live.durable_status, *live.progress});
  shown.former = std::exchange(shown.second, second_);
  wake([&](const Stream& stream) { return stream.wants(live.job_id, live.ex_id); });
}

}  // namespace slicemill::master
