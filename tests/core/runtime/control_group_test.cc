#include "core/runtime/control_group.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

namespace slicemill {
namespace {

using Version = ControlGroupParent::Version;

constexpr const char* kOnlyV2 =
    "24 1 0:22 / /proc rw,nosuid - proc proc rw\n"
    "31 23 0:28 / /sys/fs/cgroup rw,nosuid,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";

TEST(ControlGroupParent, IsTheGroupAboveOursInVersion2) {
  EXPECT_EQ(find_control_group_parent(GroupController::memory, kOnlyV2, "0::/system.slice/slicemill.service\n"),
            (ControlGroupParent{"/sys/fs/cgroup/system.slice", Version::v2}));
  EXPECT_EQ(find_control_group_parent(GroupController::memory, kOnlyV2, "0::/one\n"),
            (ControlGroupParent{"/sys/fs/cgroup", Version::v2}));
  EXPECT_EQ(find_control_group_parent(GroupController::memory, kOnlyV2, "0::/\n"),
            (ControlGroupParent{"/sys/fs/cgroup", Version::v2}));
}

TEST(ControlGroupParent, IsOurGroupInVersion1) {
  const std::string mounts =
      "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
      "33 31 0:30 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu,cpuacct\n"
      "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
      "38 31 0:35 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";
  EXPECT_EQ(find_control_group_parent(GroupController::memory, mounts, "4:memory:/jobs/one\n2:cpu,cpuacct:/\n0::/\n"),
            (ControlGroupParent{"/sys/fs/cgroup/memory/jobs/one", Version::v1}));
  EXPECT_EQ(find_control_group_parent(GroupController::memory, mounts, "4:memory:/\n0::/\n"),
            (ControlGroupParent{"/sys/fs/cgroup/memory", Version::v1}));
}

TEST(ControlGroupParent, AContainersMountShowsItsPartOfTheTree) {
  EXPECT_EQ(find_control_group_parent(GroupController::memory,
                                      "35 31 0:32 /docker/ab /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
                                      "4:memory:/docker/ab/inner\n"),
            (ControlGroupParent{"/sys/fs/cgroup/memory/inner", Version::v1}));
}

TEST(ControlGroupParent, ThereMayBeNone) {
  EXPECT_FALSE(find_control_group_parent(GroupController::memory, "", ""));
  EXPECT_FALSE(find_control_group_parent(GroupController::memory, "24 1 0:22 / /proc rw - proc proc rw\n", "0::/\n"));
  EXPECT_FALSE(find_control_group_parent(GroupController::memory, "24 1 0:22 / /proc rw - proc\nnonsense\n",
                                         "nonsense\n4:memory\n"));
  EXPECT_FALSE(find_control_group_parent(GroupController::memory, kOnlyV2, "4:memory:/\n0::/\n"))
      << "the controller is where it is not mounted";
}

TEST(MemoryGroup, WhereNoneCanBeMadeNothingIsDone) {
  const auto entered = enter_memory_group({"/proc/no such directory", Version::v2}, 64 << 20);
  ASSERT_FALSE(entered);
  EXPECT_NE(entered.error().message.find("/proc/no such directory/slicemill-worker-"), std::string::npos);
  const std::string plain = std::filesystem::temp_directory_path() / ("slicemill_groups_" + std::to_string(getpid()));
  std::filesystem::create_directories(plain);
  EXPECT_FALSE(enter_memory_group({plain, Version::v2}, 64 << 20)) << "a directory that is no group limits nothing";
  EXPECT_TRUE(std::filesystem::is_empty(plain)) << "it is taken away again";
  EXPECT_FALSE(end_memory_group({plain, Version::v2}, getpid()));
  std::filesystem::remove_all(plain);
}

TEST(MemoryGroup, TellsWhoWasKilledForLackOfMemory) {
  const std::string plain = std::filesystem::temp_directory_path() / ("slicemill_groups_" + std::to_string(getpid()));
  const auto told = [&](Version version, const char* file, const char* text) {
    std::filesystem::create_directories(plain + "/slicemill-worker-77");
    std::ofstream(plain + "/slicemill-worker-77/" + file) << text;
    const bool starved = end_memory_group({plain, version}, 77);
    std::filesystem::remove_all(plain);
    return starved;
  };
  EXPECT_TRUE(told(Version::v2, "memory.events", "low 0\nhigh 0\nmax 12\noom 1\noom_kill 1\noom_group_kill 0\n"));
  EXPECT_FALSE(told(Version::v2, "memory.events", "low 0\nhigh 0\nmax 12\noom 0\noom_kill 0\noom_group_kill 0\n"));
  EXPECT_TRUE(told(Version::v1, "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n"));
  EXPECT_FALSE(told(Version::v1, "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n"));
}

// The kernel's own groups, where this machine lets us make them; where it does not, that is an error and nothing is
// left.
TEST(MemoryGroup, TheKernelKillsWhoNeedsMore) {
  const auto parent = find_control_group_parent(GroupController::memory);
  if (!parent) return;
  int told[2];
  ASSERT_EQ(pipe(told), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    constexpr std::size_t kLimit = 48 << 20, kTooMuch = 256 << 20;
    const char entered = enter_memory_group(*parent, kLimit) ? 'y' : 'n';
    if (write(told[1], &entered, 1) != 1 || entered == 'n') _exit(0);
    auto* memory = static_cast<volatile char*>(std::malloc(kTooMuch));
    for (std::size_t at = 0; at < kTooMuch; at += 4096) memory[at] = 1;
    _exit(1);
  }
  close(told[1]);
  char entered = 0;
  ASSERT_EQ(read(told[0], &entered, 1), 1);
  close(told[0]);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  const std::string group = parent->directory + "/slicemill-worker-" + std::to_string(child);
  EXPECT_EQ(std::filesystem::exists(group), entered == 'y');
  const bool starved = end_memory_group(*parent, child);
  EXPECT_FALSE(std::filesystem::exists(group));
  EXPECT_EQ(starved, entered == 'y');
  EXPECT_EQ(WIFSIGNALED(status) ? WTERMSIG(status) : 0, entered == 'y' ? SIGKILL : 0);
}

TEST(ControlGroupParent, OfProcessorsMayBeAnotherThanOfMemory) {
  const std::string_view mounts =
      "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
      "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";
  EXPECT_EQ(find_control_group_parent(GroupController::cpu, mounts, "4:memory:/a\n2:cpu,cpuacct:/b\n0::/\n"),
            (ControlGroupParent{"/sys/fs/cgroup/cpu/b", Version::v1}));
  EXPECT_EQ(find_control_group_parent(GroupController::cpu, kOnlyV2, "0::/system.slice/slicemill.service\n"),
            (ControlGroupParent{"/sys/fs/cgroup/system.slice", Version::v2}));
}

TEST(CpuGroup, WhereNoneCanBeMadeNothingIsDone) {
  EXPECT_FALSE(try_cpu_group({"/proc/no such directory", Version::v1}));
  const std::string plain = std::filesystem::temp_directory_path() / ("slicemill_cpus_" + std::to_string(getpid()));
  std::filesystem::create_directories(plain);
  EXPECT_FALSE(try_cpu_group({plain, Version::v1})) << "a directory that is no group limits nothing";
  EXPECT_FALSE(enter_cpu_group({plain, Version::v2}, 1));
  EXPECT_TRUE(std::filesystem::is_empty(plain)) << "it is taken away again";
  std::filesystem::remove_all(plain);
}

// The kernel's own groups, where this machine lets us make them: a child that would use one processor gets a tenth.
TEST(CpuGroup, TheKernelLetsItWait) {
  const auto parent = find_control_group_parent(GroupController::cpu);
  if (!parent || !try_cpu_group(*parent)) return;
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    if (!enter_cpu_group(*parent, 0.1)) _exit(1);
    const auto begin = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() - begin < std::chrono::milliseconds(1500)) continue;
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    const auto ms =
        (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000 + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1000;
    _exit(ms < 600 ? 0 : 2);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 0);
  end_cpu_group(*parent, child);
  EXPECT_FALSE(std::filesystem::exists(parent->directory + "/slicemill-worker-" + std::to_string(child)));
}

}  // namespace
}  // namespace slicemill
