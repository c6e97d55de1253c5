// The production loop on Boost.Asio. Owner: the process's main. All members are for the loop thread unless they say
// otherwise.
#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <string>

#include "core/runtime/loop.h"
#include "core/runtime/result.h"

namespace boost::asio {
class io_context;
}

namespace slicemill {

class AsioLoop final : public Loop {
 public:
  AsioLoop();
  ~AsioLoop() override;  // joins the executors; their unfinished tasks are completed, their done callbacks dropped

  SteadyTime now() const override;
  WallMs wall_ms() const override;
  std::uint64_t random() override;
  TimerId after(Duration delay, Task task) override;
  TimerId around(Duration delay, Task task) override;
  void cancel(TimerId timer) override;
  void post(Task task) override;
  void offload(Executor executor, Task work, Task done) override;
  void offload_to_lane(std::uint32_t lane, Task work, Task done) override;
  std::string waits_for() const override;

  // Makes the threads of these executors now, and keeps them: a process that surely needs them has them then, whatever
  // limit is reached later. Other executors have a thread while they have work. Before run().
  Result<void> keep(std::initializer_list<Executor> executors);

  // Runs until stop(). The calling thread becomes the loop thread.
  void run();
  // Any thread, any number of times.
  void stop();

  // A watched file descriptor. The callback runs on the loop thread while the descriptor can be read; destroying the
  // watch ends it and never closes the descriptor.
  class Watch {
   public:
    virtual ~Watch() = default;
  };
  std::unique_ptr<Watch> watch_readable(int fd, std::function<void()> on_readable);

  // Calls on_signal(number) on the loop thread for SIGTERM and SIGINT, and for SIGHUP unless whoever started this
  // process had it ignored (nohup). SIGPIPE is ignored from here on.
  void on_signals(std::function<void(int)> on_signal);

  boost::asio::io_context& context();

 private:
  struct Body;
  class ExecutorThread;

  TimerId at(SteadyTime due, Task task);

  std::unique_ptr<Body> body_;
};

}  // namespace slicemill
