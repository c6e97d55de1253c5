#include "cli/job_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

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

  Result<Json> read(const std::string& text, const std::string& name = "job") {
    path_ = directory_ + "/" + name;
    std::ofstream(path_) << text;
    auto file = read_job_file(path_);
    if (!file) return file.error();
    return std::move(file->job);
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

TEST_F(JobFileTest, YamlMayBeginWithABracket) {
  const std::string text = "{name: a, operations: [{_op: noop}]}";
  EXPECT_TRUE(read(text, "job.yaml"));
  EXPECT_TRUE(read(text, "job.yml"));
  EXPECT_FALSE(read(text, "job.json"));
  const auto twice = read("{\"name\": 1, \"name\": 2}", "job.yaml");
  ASSERT_FALSE(twice);
  EXPECT_THAT(twice.error().message, HasSubstr("given twice"));
}

TEST_F(JobFileTest, PipesAreRead) {
  path_ = directory_ + "/pipe";
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  std::string text = "{\"name\": \"" + std::string(200'000, 'x') + "\"}";
  std::thread writer([&] { std::ofstream(path_) << text; });
  const auto file = read_job_file(path_);
  writer.join();
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->job["name"].get_ref<const std::string&>().size(), 200'000u);
}

TEST_F(JobFileTest, SaysWhatMayBeReadOtherwise) {
  path_ = directory_ + "/job";
  std::ofstream(path_) << "name: no\n";
  const auto file = read_job_file(path_);
  ASSERT_TRUE(file);
  EXPECT_THAT(file->notes, testing::ElementsAre(HasSubstr("line 1, column 7: no is taken as text")));
}

TEST_F(JobFileTest, AnEmptyFileIsNoJob) {
  for (const char* text : {"", "# nothing\n", "---\n"}) EXPECT_THAT(read(text).error().message, HasSubstr("is empty"));
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
