#include "master/processes/process_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "core/runtime/ids.h"

namespace slicemill::master {
namespace {

using ::testing::HasSubstr;

class ProcessLogTest : public ::testing::Test {
 protected:
  ProcessLogTest() { std::filesystem::create_directories(directory_); }
  ~ProcessLogTest() override { std::filesystem::remove_all(directory_); }

  void append(const std::string& text) { std::ofstream(directory_ + "/controller.log", std::ios::app) << text; }
  // As the logger does it.
  void rotate() {
    for (int i = 3; i > 0; --i) {
      const std::string from =
          directory_ + (i == 1 ? "/controller.log" : "/controller." + std::to_string(i - 1) + ".log");
      const std::string to = directory_ + "/controller." + std::to_string(i) + ".log";
      if (std::filesystem::exists(from)) std::filesystem::rename(from, to);
    }
    append("");
  }
  Result<LogPart> read(const LogQuery& query) { return read_process_log(posix_files(), directory_, query); }
  LogPart tail(std::int64_t lines) { return value(read({.process = "controller", .lines = lines})); }
  LogPart after(const std::string& position) { return value(read({.process = "controller", .from = position})); }

  const std::string directory_ = std::filesystem::temp_directory_path() / ("slicemill-log-" + random_uuid());

 private:
  static LogPart value(const Result<LogPart>& part) {
    EXPECT_TRUE(part) << part.error().message;
    return part ? *part : LogPart();
  }
};

TEST_F(ProcessLogTest, TheLastLines) {
  append("a\nb\nc\n");
  EXPECT_EQ(tail(2).text, "b\nc\n");
  EXPECT_EQ(tail(100).text, "a\nb\nc\n");
  EXPECT_EQ(tail(0).text, "");
}

TEST_F(ProcessLogTest, ALineThatIsBeingWrittenComesWhenItIsWhole) {
  append("a\nhal");
  const LogPart first = tail(10);
  EXPECT_EQ(first.text, "a\n");
  append("f\n");
  EXPECT_EQ(after(first.position).text, "half\n");
}

TEST_F(ProcessLogTest, TheLastLinesReachIntoRotatedFiles) {
  append("a\nb\n");
  rotate();
  append("c\n");
  EXPECT_EQ(tail(2).text, "b\nc\n");
}

TEST_F(ProcessLogTest, FollowingLosesNothingWhenTheLogIsRotated) {
  append("a\n");
  std::string seen;
  LogPart part = tail(10);
  seen += part.text;
  append("b\n");
  rotate();
  append("c\n");
  rotate();
  append("d\n");
  part = after(part.position);
  seen += part.text;
  EXPECT_EQ(after(part.position).text, "");
  append("e\n");
  seen += after(part.position).text;
  EXPECT_EQ(seen, "a\nb\nc\nd\ne\n");
  EXPECT_FALSE(part.gap);
}

TEST_F(ProcessLogTest, LinesThatAreGoneAreToldOf) {
  append("a\n");
  const LogPart part = tail(10);
  std::filesystem::rename(directory_ + "/controller.log", directory_ + "/elsewhere");
  append("z\n");
  const LogPart later = after(part.position);
  EXPECT_TRUE(later.gap);
  EXPECT_EQ(later.text, "z\n");
}

TEST_F(ProcessLogTest, AByteAloneIsOneOfTheNewestFile) {
  append("a\nb\n");
  EXPECT_EQ(after("2").text, "b\n");
  EXPECT_TRUE(after("99").gap);
}

TEST_F(ProcessLogTest, LargePartsComeOneAfterTheOther) {
  std::string all;
  for (int i = 0; all.size() < 3 * kMostLogBytes; ++i) all += "line " + std::to_string(i) + "\n";
  append(all);
  std::string seen;
  std::string position = "0";
  for (int i = 0; i < 10 && seen.size() < all.size(); ++i) {
    const LogPart part = after(position);
    EXPECT_LE(part.text.size(), kMostLogBytes);
    EXPECT_TRUE(part.text.ends_with('\n'));
    seen += part.text;
    position = part.position;
  }
  EXPECT_TRUE(seen == all);
  EXPECT_LE(tail(1'000'000).text.size(), kMostLogBytes);
  EXPECT_TRUE(tail(1'000'000).text.starts_with("line "));
}

TEST_F(ProcessLogTest, ALineLongerThanAPartComesInPieces) {
  const std::string line = std::string(2 * kMostLogBytes, 'x') + "\n";
  append(line);
  const LogPart first = after("0");
  EXPECT_EQ(first.text.size(), kMostLogBytes);
  const LogPart second = after(first.position);
  EXPECT_EQ(first.text + second.text + after(second.position).text, line);
}

TEST_F(ProcessLogTest, Refused) {
  for (const char* name : {"../master", "worker-", "worker-1x", "worker-99999999999", "", "x"}) {
    const auto part = read({.process = name});
    ASSERT_FALSE(part) << name;
    EXPECT_EQ(part.error().code, ErrorCode::invalid);
    EXPECT_THAT(part.error().message, HasSubstr("is not a process"));
  }
  EXPECT_EQ(read({.process = "worker-1"}).error().code, ErrorCode::not_found);
  append("a\n");
  for (const char* position : {"x", "-1", "1-", "1-x", "1--2"})
    EXPECT_EQ(read({.process = "controller", .from = position}).error().code, ErrorCode::invalid) << position;
}

}  // namespace
}  // namespace slicemill::master
