// The parts of dispatch on a ManualLoop, with workers that are only connections: what they are sent is kept.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "execution-controller/dispatch/slice_assigner.h"
#include "tests/execution-controller/controller_harness.h"

namespace slicemill::controller {

// Keeps what is sent to whom.
class NotedChannel final : public ServerChannel {
 public:
  Result<void> listen() override { return {}; }
  void on_frame(std::function<void(Peer, std::string_view)>) override {}
  Sent send(Peer peer, std::string frame) override {
    if (answer == Sent::ok) sent[peer].push_back(*wire::decode(frame));
    return answer;
  }
  void drop(Peer peer) override { dropped.push_back(peer); }
  std::string endpoint() const override { return ""; }

  template <typename Message>
  std::size_t count(Peer peer) {
    return static_cast<std::size_t>(std::count_if(sent[peer].begin(), sent[peer].end(), [](const auto& message) {
      return std::holds_alternative<Message>(message);
    }));
  }

  std::map<Peer, std::vector<wire::Message>> sent;
  std::vector<Peer> dropped;
  Sent answer = Sent::ok;
};

class DispatchTest : public testing::Test {
 protected:
  Worker& join(ServerChannel::Peer peer, const std::string& id, pid_t pid = 100) {
    Worker& worker = table_.welcome_back_or_new(peer, wire::Hello{.worker_id = id, .process = {"boot", pid, 1}});
    worker.heard = loop_.now();
    table_.ask_for_pulse(worker);
    levels_.greet(worker);
    return worker;
  }
  // A run of so many slices, whose creation is durable.
  void create(std::uint64_t count, std::uint64_t first_order = 1) {
    auto run = std::make_shared<SliceRun>();
    run->generation = 0;
    run->first_order = first_order;
    ListRequests list;
    for (std::uint64_t i = 0; i < count; ++i) list.requests.push_back("{\"n\":" + std::to_string(i) + "}");
    run->requests = std::move(list);
    queue_.push_range({run, 0, count}, false);
  }
  static SliceKey key(std::uint64_t order) { return {0, 0, order}; }
  // What the worker was ordered, since the last time that this was asked.
  std::vector<wire::SliceOrder> orders(ServerChannel::Peer peer) {
    std::vector<wire::SliceOrder> all;
    for (const auto& message : std::exchange(channel_.sent[peer], {})) {
      if (const auto* dispatch = std::get_if<wire::Dispatch>(&message)) {
        wire::Dispatch taken = *dispatch;
        for (auto& slice : wire::take_slices(taken)) all.push_back(std::move(slice));
      }
    }
    return all;
  }
  static std::vector<std::uint64_t> numbers(const std::vector<wire::SliceOrder>& slices) {
    std::vector<std::uint64_t> orders;
    for (const auto& slice : slices) orders.push_back(slice.key.order);
    return orders;
  }

  static constexpr std::uint64_t kEpoch = 3;

  ManualLoop loop_;
  NotedChannel channel_;
  FakeMonitor monitor_;
  std::vector<std::string> silent_, exited_;
  std::vector<std::function<void()>> syncs_;
  std::size_t unsynced_ = 0;
  std::vector<std::string> fatal_;
  SliceQueue queue_;
  LeaseTable leases_;
  WorkerTable table_{loop_,
                     channel_,
                     &monitor_,
                     {.controller = {"boot", 1, 1}, .settings = {}, .looks_at_pulses = true},
                     {.on_exit = [this](const Worker& worker, const ProcessExit&) { exited_.push_back(worker.id); },
                      .on_silent = [this](const Worker& worker) { silent_.push_back(worker.id); },
                      .on_change = [] {},
                      .on_lost = [](const ProcessIdentity&, const std::string&) {}}};
  WorkerLevels levels_{loop_,
                       table_,
                       {.epoch = kEpoch},
                       {.after_recorded = [this](std::function<void()> then) { syncs_.push_back(std::move(then)); },
                        .revoked = [](WorkerNumber) { return std::vector<wire::HeldSlice>(); }}};
  SliceAssigner assigner_{queue_,
                          leases_,
                          table_,
                          levels_,
                          kEpoch,
                          RetryPolicy{.max_retries = 2},
                          {.unsynced_slices = [this] { return unsynced_; },
                           .on_fatal = [this](const Error& error) { fatal_.push_back(error.message); }}};
};

}  // namespace slicemill::controller
