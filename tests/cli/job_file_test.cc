#include "cli/job_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

namespace slicemill::cli {
namespace {

using testing::HasSubstr;

class JobFileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/slicemill-job-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  Result<Json> read(const std::string& text) {
    path_ = directory_ + "/job";
    std::ofstream(path_) << text;
    return read_job_file(path_);
  }

  std::string directory_, path_;
};

TEST_F(JobFileTest, JsonAndYamlGiveTheSame) {
  const auto json = read(R"({"name": "a", "operations": [{"_op": "noop"}]})");
  const auto yaml = read("name: a\noperations:\n  - _op: noop\n");
  ASSERT_TRUE(json && yaml);
  EXPECT_EQ(*json, *yaml);
}

TEST_F(JobFileTest, ErrorsNameTheFile) {
  const auto broken = read("{\"name\": }");
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code, ErrorCode::invalid);
  EXPECT_THAT(broken.error().message, HasSubstr(path_));
  EXPECT_THAT(broken.error().message, HasSubstr("line 1"));
  const auto scalar = read("just text");
  ASSERT_FALSE(scalar);
  EXPECT_THAT(scalar.error().message, HasSubstr("a job is an object"));
}

TEST_F(JobFileTest, AMissingFileIsNotFound) {
  const auto missing = read_job_file(directory_ + "/nowhere.json");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::not_found);
}

TEST_F(JobFileTest, ADirectoryIsNoJob) {
  EXPECT_FALSE(read_job_file(directory_));
}

}  // namespace
}  // namespace slicemill::cli
