#include "core/runtime/files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <array>

namespace slicemill {
namespace {

class PosixFilesTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "/files_XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { EXPECT_TRUE(posix_files().remove_tree(directory_)); }
  void put(const std::string& name, std::string_view text) {
    auto file = posix_files().create(directory_ + "/" + name);
    ASSERT_TRUE(file);
    EXPECT_TRUE((*file)->write(text));
    EXPECT_TRUE((*file)->sync());
    EXPECT_TRUE((*file)->close());
  }
  std::string get(const std::string& name) {
    auto file = posix_files().open(directory_ + "/" + name);
    std::array<char, 64> buffer{};
    return {buffer.data(), *(*file)->read_at(0, buffer)};
  }

  Files& files_ = posix_files();
  std::string directory_;
};

TEST_F(PosixFilesTest, WritesReadsAndLists) {
  put("b", "two");
  put("a", "one");
  EXPECT_EQ(get("a"), "one");
  EXPECT_THAT(*files_.list(directory_), testing::ElementsAre("a", "b"));
  EXPECT_EQ(files_.stat(directory_ + "/b")->size, 3u);
  EXPECT_TRUE(files_.stat(directory_)->is_directory);
}

TEST_F(PosixFilesTest, RenameNoReplaceRefusesAnExistingName) {
  put("staged", "new");
  put("final", "old");
  const auto refused = files_.rename_no_replace(directory_ + "/staged", directory_ + "/final");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::conflict);
  EXPECT_EQ(get("final"), "old");
  EXPECT_TRUE(files_.rename_no_replace(directory_ + "/staged", directory_ + "/other"));
  EXPECT_TRUE(files_.rename_replace(directory_ + "/other", directory_ + "/final"));
  EXPECT_EQ(get("final"), "new");
  EXPECT_TRUE(files_.sync_directory(directory_));
}

TEST_F(PosixFilesTest, ErrorsNameThePathAndTheCause) {
  const auto missing = files_.open(directory_ + "/none");
  EXPECT_EQ(missing.error().code, ErrorCode::not_found);
  EXPECT_THAT(missing.error().message, testing::HasSubstr(directory_ + "/none"));
  EXPECT_FALSE(files_.create(directory_ + "/none/x"));
  EXPECT_FALSE(files_.list(directory_ + "/none"));
  EXPECT_FALSE(files_.sync_directory(directory_ + "/none"));
  EXPECT_TRUE(files_.remove(directory_ + "/none"));
}

TEST_F(PosixFilesTest, FullDeviceIsNoSpace) {
  auto full = files_.create("/dev/full");
  ASSERT_TRUE(full);
  EXPECT_EQ((*full)->write("x").error().code, ErrorCode::no_space);
}

}  // namespace
}  // namespace slicemill
