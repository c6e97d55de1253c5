// An EventFeed whose events a test gives. Loop thread, like the real one.
#pragma once

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/model/execution_events.h"

namespace slicemill {

class FakeEventFeed final : public EventFeed {
 public:
  EventFilter filter;  // of the last one that followed
  std::optional<std::int64_t> after;
  std::optional<Error> failure;  // of whoever wants to follow

  Result<std::unique_ptr<EventStream>> follow(const EventFilter& wanted, std::optional<std::int64_t> place) override {
    filter = wanted;
    after = place;
    if (failure) return *failure;
    return std::unique_ptr<EventStream>(std::make_unique<Stream>(*this));
  }

  std::size_t followers() const { return streams_.size(); }
  void give(const ExecutionEventOf& event) {
    for (Stream* stream : streams_) stream->add(event);
  }
  void end(const std::string& why) {
    for (Stream* stream : streams_) stream->end(why);
  }

 private:
  class Stream final : public EventStream {
   public:
    explicit Stream(FakeEventFeed& feed) : feed_(feed) { feed_.streams_.insert(this); }
    ~Stream() override { feed_.streams_.erase(this); }

    std::vector<ExecutionEventOf> take(std::size_t most) override {
      std::vector<ExecutionEventOf> events;
      while (!waiting_.empty() && events.size() < most) {
        events.push_back(std::move(waiting_.front()));
        waiting_.pop_front();
      }
      return events;
    }
    bool at_end() const override { return ended_ && waiting_.empty(); }
    std::string why_ended() const override { return why_; }
    void on_ready(std::function<void()> wake) override { wake_ = std::move(wake); }

    void add(const ExecutionEventOf& event) {
      waiting_.push_back(event);
      wake_();
    }
    void end(const std::string& why) {
      ended_ = true;
      why_ = why;
      wake_();
    }

   private:
    FakeEventFeed& feed_;
    std::deque<ExecutionEventOf> waiting_;
    std::function<void()> wake_;
    std::string why_;
    bool ended_ = false;
  };

  std::set<Stream*> streams_;
};

}  // namespace slicemill
