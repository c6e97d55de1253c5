// A worker's life: says hello, takes slices, sends results, keeps each until the controller has it durable, and
// outlives its controller. Loop thread; slices run on the executor's own thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/runtime/loop.h"
#include "core/runtime/process.h"
#include "core/runtime/pulse.h"
#include "core/wire/channel.h"
#include "core/wire/messages.h"
#include "worker/slice_executor.h"

namespace slicemill::worker {

struct WorkerSettings {
  std::string worker_id;
  ProcessIdentity process;              // pid 0 in-process
  std::string marker_path;              // "" in-process
  std::int64_t hello_again_ms = 1'000;  // a Hello without a Welcome is said again on a fresh connection
  std::int64_t patience_ms = 300'000;   // without a controller for so long: the worker ends
  bool has_pulse = false;               // a process of its own: its controller may look at it instead of listening
};

class Worker {
 public:
  using RunnerOf = std::function<Result<std::unique_ptr<SliceRunner>>(const wire::Welcome& welcome)>;

  using ExecutorOf = std::function<std::unique_ptr<SliceExecutor>(Loop&, MakeRunner, std::unique_ptr<InFlightMarker>,
                                                                  SliceExecutor::Hooks)>;

  // monitor: nullptr in-process. on_end(reason): "" after an orderly leave.
  Worker(Loop& loop, std::unique_ptr<ClientChannel> channel, ProcessMonitor* monitor, WorkerSettings settings,
         RunnerOf runner_of, std::function<void(const std::string& reason)> on_end,
         ExecutorOf executor_of = make_slice_executor);
  ~Worker();

  void start();
  // SIGTERM: gives back what waits, finishes what runs, then goes.
  void leave();
  // It ended for an obstacle of the machine.
  bool obstructed() const { return obstructed_; }

 private:
  void say_hello();
  void heartbeat();
  void heartbeat_after(std::int64_t ms);
  void rest_no_more();
  void on_frame(std::string_view frame);
  void on_welcome(const wire::Welcome& welcome);
  void send_results();
  void give_back(std::vector<wire::HeldSlice> slices);
  wire::Heartbeat heartbeat_now() const;
  void obey_log_level(const std::string& level);
  void cancel(const std::vector<wire::HeldSlice>& slices);
  void go_if_done();
  void controller_gone();
  void show_pulse();
  void tell_heartbeat();
  void cannot_work(const Error& error);
  void end(const std::string& reason);
  bool send(const wire::Message& message);

  Loop& loop_;
  std::unique_ptr<ClientChannel> channel_;
  ProcessMonitor* monitor_;
  WorkerSettings settings_;
  RunnerOf runner_of_;
  std::function<void(const std::string&)> on_end_;
  ExecutorOf executor_of_;

  std::unique_ptr<SliceExecutor> executor_;
  InFlightMarker* note_ = nullptr;  // the executor's, as long as the executor is there
  std::deque<wire::SliceResult> unacked_;
  std::uint64_t first_unacked_ = 1;          // sequence number of unacked_.front()
  std::uint64_t sent_ = 0;                   // highest sequence number sent on this connection
  std::vector<wire::HeldSlice> given_back_;  // taken out of the executor, and the controller was not told yet
  std::unique_ptr<ProcessWatch> controller_watch_;
  std::uint64_t epoch_ = 0;
  bool welcomed_ = false;
  bool recalled_ = false;  // a recall waits for its answer
  bool leaving_ = false;
  bool ended_ = false;
  std::string log_level_;  // as the controller said last
  bool obstructed_ = false;
  std::unique_ptr<Pulse> pulse_;
  std::int64_t pulse_ms_ = 0;           // the controller looks at the pulse, which is to be so frequent; 0: it does not
  int heartbeats_without_message_ = 0;  // in a row
  bool rests_ = false;                  // the next beat is as late as the pulse may be
  Loop::TimerId heartbeat_timer_ = 0;
  std::optional<wire::Heartbeat> told_;  // by the last message
  std::int64_t beat_ms_ = 1'000;
  SteadyTime hello_at_;
  SteadyTime welcome_lost_at_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

// The runner of this build's operations.
Worker::RunnerOf builtin_runner(const RunnerPlace& place);

struct WorkerOptions {
  std::string controller_endpoint;
  std::string ex_id;
  std::string worker_id;
  std::string marker_directory;
  std::string log_path;
  std::string log_level = "info";
  std::string memory_limit;  // bytes; "": none
  std::string cpu_limit;     // processors; "": none
};
// The process body of `slicemill-worker`: returns the exit code.
int run_worker(const WorkerOptions& options);

}  // namespace slicemill::worker
