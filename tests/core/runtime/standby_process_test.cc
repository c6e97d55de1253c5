#include "core/runtime/standby_process.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/runtime/asio_loop.h"

namespace slicemill {
namespace {

using ::testing::HasSubstr;

class StandbyProcessTest : public testing::Test {
 protected:
  StandbyProcessTest() {
    std::string pattern = testing::TempDir() + "/standby-XXXXXX";
    directory_ = mkdtemp(pattern.data());
  }
  ~StandbyProcessTest() override { std::filesystem::remove_all(directory_); }

  std::unique_ptr<StandbyProcess> start() {
    auto started = StandbyProcess::start(STANDBY_CHILD, {{"COLOUR", "blue"}});
    EXPECT_TRUE(started) << started.error().message;
    return std::move(*started);
  }
  ProcessSpec order(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), STANDBY_CHILD);
    return {.arguments = std::move(arguments), .environment = {}, .output_path = output()};
  }
  std::string output() const { return directory_ + "/output"; }
  static std::string read(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }
  std::string wait_for_output(const std::string& end) {
    std::string text;
    EXPECT_TRUE(turn_until([&] { return (text = read(output())).ends_with(end); })) << text;
    return text;
  }
  bool turn_until(const std::function<bool()>& holds) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!holds()) {
      if (std::chrono::steady_clock::now() > limit) return false;
      loop_.context().run_one_for(std::chrono::milliseconds(2));
    }
    return true;
  }
  ProcessExit wait_for_exit(const ProcessIdentity& process) {
    std::optional<ProcessExit> found;
    const auto watch = watch_process(loop_, process, [&](const ProcessExit& exit) { found = exit; });
    EXPECT_TRUE(turn_until([&] { return found.has_value(); }));
    return found.value_or(ProcessExit{});
  }

  std::string directory_;
  AsioLoop loop_;
};

TEST_F(StandbyProcessTest, TakesAnOrderAsIfItHadBeenStartedWithIt) {
  auto standby = start();
  const ProcessIdentity process = standby->identity();
  ASSERT_TRUE(standby->give_order(order({"--name", "two words", ""})));
  EXPECT_EQ(wait_for_output("blue\n"), "--name\ntwo words\n\nblue\n");
  const std::string shown = read("/proc/" + std::to_string(process.pid) + "/cmdline");
  EXPECT_TRUE(shown.starts_with(std::string(STANDBY_CHILD) + '\0' + "--name" + '\0' + "two words" + '\0' + '\0'))
      << shown;
  EXPECT_EQ(shown.find("standby "), std::string::npos);
  EXPECT_EQ(std::filesystem::read_symlink("/proc/" + std::to_string(process.pid) + "/fd/0"), "/dev/null");
  EXPECT_EQ(std::filesystem::read_symlink("/proc/" + std::to_string(process.pid) + "/fd/2"), output());
  standby.reset();
  EXPECT_TRUE(is_alive(process)) << "it belongs to its order now";
  ASSERT_TRUE(signal_process(process, SIGTERM));
  EXPECT_EQ(wait_for_exit(process).signal, SIGTERM);
}

TEST_F(StandbyProcessTest, ArgumentsMayBeLongerThanWhatIsShown) {
  auto standby = start();
  const ProcessIdentity process = standby->identity();
  const std::string longest(5'000, 'x');
  ASSERT_TRUE(standby->give_order(order({longest})));
  EXPECT_EQ(wait_for_output("blue\n"), longest + "\nblue\n");
  ASSERT_TRUE(signal_process(process, SIGKILL));
  wait_for_exit(process);
}

TEST_F(StandbyProcessTest, TakesASecretThatNobodySees) {
  auto standby = start();
  const ProcessIdentity process = standby->identity();
  auto spec = order({"--name", "value"});
  spec.secret_text = "{\"password\":\"swordfish\"}";
  ASSERT_TRUE(standby->give_order(spec));
  EXPECT_EQ(wait_for_output("blue\n"), "--name\nvalue\nsecret: {\"password\":\"swordfish\"}\nblue\n");
  for (const char* file : {"/cmdline", "/environ"})
    EXPECT_EQ(read("/proc/" + std::to_string(process.pid) + file).find("swordfish"), std::string::npos) << file;
  EXPECT_EQ(std::filesystem::read_symlink("/proc/" + std::to_string(process.pid) + "/fd/0"), "/dev/null");
  ASSERT_TRUE(signal_process(process, SIGKILL));
  wait_for_exit(process);
}

TEST_F(StandbyProcessTest, EndsWithItsOwner) {
  auto standby = start();
  const ProcessIdentity process = standby->identity();
  standby.reset();
  const auto exit = wait_for_exit(process);
  EXPECT_TRUE(exit.known);
  EXPECT_EQ(exit.code, 0);
  EXPECT_FALSE(std::filesystem::exists(output()));
}

TEST_F(StandbyProcessTest, HalfAnOrderIsNone) {
  const std::string whole = std::string("3") + '\0' + output() + '\0' + "--limit" + '\0' + "1000" + '\0';
  for (const std::size_t bytes : {whole.size() - 1, whole.size() - 3, whole.size() - 5, whole.size() - 9, 1UL}) {
    std::array<int, 2> ends{};
    ASSERT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
    const auto process = spawn_process({.arguments = {STANDBY_CHILD, "--standby", std::string(100, ' ')},
                                        .environment = {},
                                        .output_path = {},
                                        .input = ends[0]});
    ASSERT_TRUE(process);
    close(ends[0]);
    ASSERT_EQ(::write(ends[1], whole.data(), bytes), static_cast<ssize_t>(bytes));
    close(ends[1]);
    const auto exit = wait_for_exit(*process);
    EXPECT_TRUE(exit.known && exit.code == 0 && exit.signal == 0) << bytes << ": " << exit.to_text();
    EXPECT_FALSE(std::filesystem::exists(output()));
  }
}

TEST_F(StandbyProcessTest, OneThatHasEndedTakesNoOrder) {
  const auto standby = start();
  ASSERT_TRUE(signal_process(standby->identity(), SIGKILL));
  wait_for_exit(standby->identity());
  const auto given = standby->give_order(order({"--name"}));
  ASSERT_FALSE(given);
  EXPECT_EQ(given.error().code, ErrorCode::not_found);
}

TEST_F(StandbyProcessTest, OthersStartWithTheirArguments) {
  auto spec = order({"--name", "value"});
  const auto process = spawn_process(spec);
  ASSERT_TRUE(process);
  EXPECT_EQ(wait_for_output("colour\n"), "--name\nvalue\nno colour\n");
  ASSERT_TRUE(signal_process(*process, SIGKILL));
  wait_for_exit(*process);
}

TEST_F(StandbyProcessTest, AProgramThatIsNotThereIsAnError) {
  const auto missing = StandbyProcess::start("/nonexistent/program", {});
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, HasSubstr("/nonexistent/program"));
}

}  // namespace
}  // namespace slicemill
