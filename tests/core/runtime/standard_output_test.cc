#include "core/runtime/standard_output.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>

#include "core/runtime/asio_loop.h"

namespace slicemill {
namespace {

namespace fs = std::filesystem;
constexpr std::uint64_t kLimit = 1'000;

class StandardOutputTest : public testing::Test {
 protected:
  StandardOutputTest() {
    fs::remove_all(directory_);
    fs::create_directories(directory_);
  }
  ~StandardOutputTest() override { fs::remove_all(directory_); }

  // In a process whose standard output is path_: the exit code.
  int in_child(const std::function<int()>& body) const {
    const pid_t pid = fork();
    if (pid == 0) {
      const int fd = open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
      dup2(fd, STDOUT_FILENO);
      dup2(fd, STDERR_FILENO);
      close(fd);
      _exit(body());
    }
    int status = 0;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  static std::string text_of(const std::string& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }

  const std::string directory_ = testing::TempDir() + "/standard_output_" + std::to_string(getpid());
  const std::string path_ = directory_ + "/out";
};

TEST_F(StandardOutputTest, TheLastTextsAreKeptInTwoFilesWithinTheLimit) {
  EXPECT_EQ(in_child([] {
              AsioLoop loop;
              bound_standard_output(loop, kLimit);
              for (int i = 0; i < 1'000; ++i)
                if (!write_standard_output("line " + std::to_string(i) + "\n")) return 1;
              return write_standard_output(std::string(2'500, 'x') + "\nend\n") ? 0 : 1;
            }),
            0);
  EXPECT_LE(fs::file_size(path_), kLimit);
  EXPECT_EQ(fs::file_size(path_ + ".1"), kLimit);
  EXPECT_TRUE((text_of(path_ + ".1") + text_of(path_)).ends_with("x\nend\n"));
}

TEST_F(StandardOutputTest, WhatOthersPrintIsSeenWithinSixSeconds) {
  EXPECT_EQ(in_child([] {
              AsioLoop loop;
              bound_standard_output(loop, kLimit);
              const std::string much(5'000, 'y');
              if (write(STDERR_FILENO, much.data(), much.size()) < 0) return 1;
              loop.after(std::chrono::milliseconds(6'200), [&loop] { loop.stop(); });
              loop.run();
              return write(STDERR_FILENO, "after", 5) == 5 ? 0 : 1;
            }),
            0);
  EXPECT_EQ(text_of(path_), "after");
  EXPECT_EQ(fs::file_size(path_ + ".1"), 5'000u);
}

TEST_F(StandardOutputTest, WithoutItsDirectoryTheTextGoesAndTheProcessLives) {
  EXPECT_EQ(in_child([this] {
              AsioLoop loop;
              bound_standard_output(loop, kLimit);
              fs::remove_all(directory_);
              for (int i = 0; i < 1'000; ++i)
                if (!write_standard_output("line " + std::to_string(i) + "\n")) return 1;
              return 0;
            }),
            0);
}

TEST_F(StandardOutputTest, UnboundedOutputStaysWhole) {
  EXPECT_EQ(in_child([] { return write_standard_output(std::string(5'000, 'z')) ? 0 : 1; }), 0);
  EXPECT_EQ(fs::file_size(path_), 5'000u);
  EXPECT_FALSE(fs::exists(path_ + ".1"));
}

}  // namespace
}  // namespace slicemill
