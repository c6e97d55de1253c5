#include "core/runtime/asio_loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <functional>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "core/runtime/fault.h"
#include "core/runtime/readiness.h"

namespace slicemill {
namespace {

using namespace std::chrono_literals;

TEST(AsioLoop, TimersRunInOrderAndCancelledOnesDoNot) {
  AsioLoop loop;
  std::vector<int> order;
  loop.after(20ms, [&] {
    order.push_back(2);
    loop.stop();
  });
  loop.after(1ms, [&] { order.push_back(1); });
  const auto cancelled = loop.after(5ms, [&] { order.push_back(99); });
  loop.cancel(cancelled);
  loop.cancel(cancelled);
  loop.cancel(0);
  loop.run();
  EXPECT_THAT(order, testing::ElementsAre(1, 2));
}

TEST(AsioLoop, TimersThatHaveTimeShareOneWakeUp) {
  AsioLoop loop;
  std::vector<std::string> order;
  int woken = 0;
  const auto note = [&](const std::string& name) {
    order.push_back(name);
    loop.post([&, name] { order.push_back("after " + name); });
    if (++woken == 3) loop.post([&] { loop.stop(); });
  };
  const SteadyTime begin = loop.now();
  loop.around(400ms, [&] { note("first"); });
  loop.after(60ms, [&] {
    loop.around(400ms, [&] { note("second"); });
    loop.around(200ms, [&] { loop.around(200ms, [&] { note("third"); }); });
  });
  loop.run();
  EXPECT_THAT(order,
              testing::UnorderedElementsAre("first", "second", "third", "after first", "after second", "after third"));
  order.resize(3);
  EXPECT_THAT(order, testing::UnorderedElementsAre("first", "second", "third"));
  EXPECT_GE(loop.now() - begin, 200ms);
}

TEST(AsioLoop, OffloadRunsElsewhereInOrderAndReportsOnTheLoop) {
  AsioLoop loop;
  const auto loop_thread = std::this_thread::get_id();
  std::vector<int> order;
  for (int i = 0; i < 3; ++i)
    loop.offload(
        Loop::Executor::query,
        [&, i] {
          EXPECT_NE(std::this_thread::get_id(), loop_thread);
          order.push_back(i);
        },
        [&, i] {
          EXPECT_EQ(std::this_thread::get_id(), loop_thread);
          if (i == 2) loop.stop();
        });
  loop.run();
  EXPECT_THAT(order, testing::ElementsAre(0, 1, 2));
}

std::size_t threads_now() {
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  return static_cast<std::size_t>(std::distance(begin(tasks), end(tasks)));
}

TEST(AsioLoop, AnExecutorHasAThreadWhileItHasWorkAndAKeptOneAlways) {
  AsioLoop loop;
  const std::size_t before = threads_now();
  ASSERT_TRUE(loop.keep({Loop::Executor::store}));
  EXPECT_EQ(threads_now(), before + 1);
  loop.offload(Loop::Executor::query, [&] { EXPECT_EQ(threads_now(), before + 2); }, {});
  std::function<void()> look = [&] {
    if (threads_now() > before + 1)
      loop.after(10ms, look);
    else
      loop.offload(
          Loop::Executor::query, [] {}, [&] { loop.stop(); });  // it gets another one
  };
  loop.after(1ms, look);
  loop.run();
  EXPECT_EQ(loop.waits_for(), "");
}

TEST(AsioLoop, WorkWaitsForRoomForItsThread) {
  // As another user, for whom limits hold; in a process of its own, which cannot become the former user again.
  const pid_t child = fork();
  if (child == 0) {
    if (getuid() == 0 && setresuid(47'012, 47'012, 47'012) != 0) _exit(10);
    AsioLoop loop;
    rlimit former{};
    getrlimit(RLIMIT_NPROC, &former);
    const rlimit none{1, former.rlim_max};
    if (setrlimit(RLIMIT_NPROC, &none) != 0) _exit(11);
    bool done = false;
    loop.offload(
        Loop::Executor::query, [] {},
        [&] {
          done = true;
          loop.stop();
        });
    if (loop.waits_for().find("cannot start a thread (executor query)") == std::string::npos) _exit(12);
    loop.after(10ms, [&] {
      if (done) _exit(13);
      setrlimit(RLIMIT_NPROC, &former);
    });
    loop.run();
    _exit(loop.waits_for().empty() ? 0 : 14);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(AsioLoop, AHangUpIsASignalUnlessItWasIgnored) {
  for (const bool ignored : {false, true}) {
    const auto former = std::signal(SIGHUP, ignored ? SIG_IGN : SIG_DFL);
    AsioLoop loop;
    std::vector<int> seen;
    loop.on_signals([&](int number) {
      seen.push_back(number);
      if (number == SIGTERM) loop.stop();
    });
    raise(SIGHUP);
    loop.after(1ms, [] { raise(SIGTERM); });
    loop.run();
    if (ignored)
      EXPECT_THAT(seen, testing::ElementsAre(SIGTERM));
    else
      EXPECT_THAT(seen, testing::ElementsAre(SIGHUP, SIGTERM));
    std::signal(SIGHUP, former);
  }
}

TEST(AsioLoop, PostFromAnotherThreadWakesIt) {
  AsioLoop loop;
  std::thread other([&] { loop.post([&] { loop.stop(); }); });
  loop.run();
  other.join();
}

TEST(AsioLoop, WatchSeesReadableDescriptors) {
  AsioLoop loop;
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  std::string got;
  auto watch = loop.watch_readable(ends[0], [&] {
    char byte = 0;
    ASSERT_EQ(read(ends[0], &byte, 1), 1);
    got += byte;
    if (got.size() == 2) loop.stop();
  });
  ASSERT_EQ(write(ends[1], "ab", 2), 2);
  loop.run();
  EXPECT_EQ(got, "ab");
  watch.reset();
  EXPECT_EQ(write(ends[1], "c", 1), 1) << "the watch does not close the descriptor";
  close(ends[0]);
  close(ends[1]);
}

TEST(AsioLoop, WatchCallsForNoWakeUpWithoutAnEvent) {
  set_fault_handler([](std::string_view point) -> Result<void> {
    if (point == "readiness") return Error(ErrorCode::io, "a wake-up without an event");
    return {};
  });
  AsioLoop loop;
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  std::string got;
  const auto watch = loop.watch_readable(ends[0], [&] {
    char byte = 0;
    EXPECT_FALSE(got.empty() && !is_readable(ends[0])) << "there is nothing to read";
    if (read(ends[0], &byte, 1) == 1) got += byte;
    if (got.size() == 2) loop.stop();
  });
  int turns = 0;
  std::function<void()> later = [&] {
    if (++turns < 10) return loop.post(later);
    ASSERT_EQ(write(ends[1], "ab", 2), 2);
  };
  loop.post(later);
  loop.run();
  set_fault_handler(nullptr);
  EXPECT_EQ(turns, 10);
  EXPECT_EQ(got, "ab");
  close(ends[0]);
  close(ends[1]);
}

}  // namespace
}  // namespace slicemill
