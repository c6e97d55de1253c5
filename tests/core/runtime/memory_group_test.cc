#include "core/runtime/memory_group.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

namespace slicemill {
namespace {

using Version = MemoryGroupParent::Version;

constexpr const char* kOnlyV2 =
    "24 1 0:22 / /proc rw,nosuid - proc proc rw\n"
    "31 23 0:28 / /sys/fs/cgroup rw,nosuid,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";

TEST(MemoryGroupParent, IsTheGroupAboveOursInVersion2) {
  EXPECT_EQ(find_memory_group_parent(kOnlyV2, "0::/system.slice/slicemill.service\n"),
            (MemoryGroupParent{"/sys/fs/cgroup/system.slice", Version::v2}));
  EXPECT_EQ(find_memory_group_parent(kOnlyV2, "0::/one\n"), (MemoryGroupParent{"/sys/fs/cgroup", Version::v2}));
  EXPECT_EQ(find_memory_group_parent(kOnlyV2, "0::/\n"), (MemoryGroupParent{"/sys/fs/cgroup", Version::v2}));
}

TEST(MemoryGroupParent, IsOurGroupInVersion1) {
  const std::string mounts =
      "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
      "33 31 0:30 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu,cpuacct\n"
      "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
      "38 31 0:35 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";
  EXPECT_EQ(find_memory_group_parent(mounts, "4:memory:/jobs/one\n2:cpu,cpuacct:/\n0::/\n"),
            (MemoryGroupParent{"/sys/fs/cgroup/memory/jobs/one", Version::v1}));
  EXPECT_EQ(find_memory_group_parent(mounts, "4:memory:/\n0::/\n"),
            (MemoryGroupParent{"/sys/fs/cgroup/memory", Version::v1}));
}

TEST(MemoryGroupParent, AContainersMountShowsItsPartOfTheTree) {
  EXPECT_EQ(find_memory_group_parent("35 31 0:32 /docker/ab /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
                                     "4:memory:/docker/ab/inner\n"),
            (MemoryGroupParent{"/sys/fs/cgroup/memory/inner", Version::v1}));
}

TEST(MemoryGroupParent, ThereMayBeNone) {
  EXPECT_FALSE(find_memory_group_parent("", ""));
  EXPECT_FALSE(find_memory_group_parent("24 1 0:22 / /proc rw - proc proc rw\n", "0::/\n"));
  EXPECT_FALSE(find_memory_group_parent("24 1 0:22 / /proc rw - proc\nnonsense\n", "nonsense\n4:memory\n"));
  EXPECT_FALSE(find_memory_group_parent(kOnlyV2, "4:memory:/\n0::/\n")) << "the controller is where it is not mounted";
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
  const auto parent = find_memory_group_parent();
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

}  // namespace
}  // namespace slicemill
