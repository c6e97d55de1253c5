// Names of executions, causes in plain words, contexts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "cli/client/execution_names.h"
#include "cli/client/master_address.h"
#include "cli/client/master_client.h"
#include "cli/client/plain_words.h"
#include "core/runtime/ids.h"

namespace slicemill::cli {
namespace {

using testing::HasSubstr;

TEST(ExecutionNames, WhatNamesAJobFile) {
  EXPECT_TRUE(names_job_file("job.json"));
  EXPECT_TRUE(names_job_file("jobs/nightly"));
  EXPECT_TRUE(names_job_file("x.yml"));
  EXPECT_FALSE(names_job_file("0f6c1d2e"));
  EXPECT_FALSE(names_job_file("last"));
  EXPECT_TRUE(may_begin_id("0f6c-1d"));
  EXPECT_FALSE(may_begin_id(""));
  EXPECT_FALSE(may_begin_id("a*"));
}

TEST(ExecutionNames, TheOnlyMatch) {
  const std::vector<std::string> ids = {"abc1", "abd1", "abd2", "abd"};
  EXPECT_EQ(only_match("abc", ids, "execution").value(), "abc1");
  EXPECT_EQ(only_match("abd", ids, "execution").value(), "abd") << "a whole id";
  const auto several = only_match("ab", ids, "execution");
  ASSERT_FALSE(several);
  EXPECT_EQ(several.error().code, ErrorCode::invalid);
  EXPECT_EQ(several.error().message, "several executions begin with 'ab': abc1, abd1, abd2, abd; give more of the id");
  EXPECT_EQ(only_match("x", ids, "execution").error().code, ErrorCode::not_found);
}

TEST(PlainCause, FramesOfOtherSystemsAreTakenOff) {
  EXPECT_EQ(plain_cause("plain words"), "plain words");
  EXPECT_EQ(plain_cause("slicer for ex e1 had an error, shutting down execution, caused by Error: no such file"),
            "no such file");
  EXPECT_EQ(plain_cause("TSError: x, caused by y, caused by Error: z"), "z");
  EXPECT_EQ(plain_cause("Error: x"), "x");
  EXPECT_EQ(plain_cause("script: no answer, caused by a signal"), "script: no answer, caused by a signal");
  EXPECT_EQ(plain_cause("Validation failed for operation config: filter - operations[1].field: is required; "
                        "Validation failed for operation config: undefined - operations[2]._op: is required"),
            "operations[1].field: is required; operations[2]._op: is required");
  EXPECT_EQ(plain_cause("Validation failed for job config: a - b - Zod parse error: [{\"path\": [\"name\"], "
                        "\"message\": \"wrong\"}]"),
            "name: wrong");
  EXPECT_EQ(plain_cause("Unable to find module for operation: flter (did you mean \"filter\"?)"),
            "there is no operation \"flter\" (did you mean \"filter\"?)");
  EXPECT_EQ(plain_cause("Unable to find module for operation: x"), "there is no operation \"x\"; see `slicemill ops`");
  EXPECT_EQ(plain_cause("execution: e1 had 2 slice failures during processing"), "2 slices failed");
  EXPECT_EQ(plain_cause("execution e1 has encountered a processing error, reason: slice failure event"),
            "a slice has failed");
  EXPECT_EQ(plain_cause("execution: e1 had 1 slice failure during processing; the first: x"),
            "1 slice failed; the first: x");
  EXPECT_EQ(plain_cause("the source failed: no such file"), "no such file");
  EXPECT_EQ(plain_cause("the output cannot be written: path: /x"), "path: /x");
}

TEST(PlainCause, WhatIsInAFileIsToldFromTheRest) {
  EXPECT_TRUE(is_about_input("operations[0] file_reader: /in/a.ldjson: byte 12: expected a value"));
  EXPECT_TRUE(is_about_input("operations[0] file_reader: /in/a: changed since it was discovered: written anew"));
  EXPECT_FALSE(is_about_input("operations[0] file_reader: cannot open /in/a: Permission denied"));
  EXPECT_FALSE(is_about_input("operations[1] script: line 3: KeyError"));
}

TEST(PlainCause, IssuesAreSentences) {
  EXPECT_EQ(plain_cause("Validation failed for job config: j - Zod parse error: [\n  {\"code\": \"custom\", \"path\": "
                        "[\"operations\", \"0\", \"size\"], \"message\": \"wrong [type]\"},\n {\"path\": [], "
                        "\"message\": \"more\"}\n]; and then"),
            "operations[0].size: wrong [type]; more; and then");
  EXPECT_EQ(plain_cause("Zod parse error: not JSON"), "not JSON");
}

TEST(UrlEncoded, WhatIsNotPlain) {
  EXPECT_EQ(url_encoded("a-Z_0.~"), "a-Z_0.~");
  EXPECT_EQ(url_encoded("a b/\"ü"), "a%20b%2F%22%C3%BC");
}

class ContextsTest : public testing::Test {
 protected:
  ContextsTest() {
    setenv("XDG_CONFIG_HOME", directory_.c_str(), 1);
    unsetenv(kMasterVariable);
  }
  ~ContextsTest() override {
    unsetenv("XDG_CONFIG_HOME");
    unsetenv(kMasterVariable);
    std::filesystem::remove_all(directory_);
  }

  const std::string directory_ = std::filesystem::temp_directory_path() / ("slicemill-contexts-" + random_uuid());
  const std::string path_ = directory_ + "/slicemill/contexts.yaml";
};

TEST_F(ContextsTest, AreReadAsTheyWereWritten) {
  EXPECT_EQ(contexts_path().value(), path_);
  EXPECT_TRUE(read_contexts(path_).value().urls.empty());
  ASSERT_TRUE(write_contexts(path_, {{{"a b", "http://h:1"}, {"yes", "h"}}, "a b"}));
  const Contexts contexts = read_contexts(path_).value();
  EXPECT_EQ(contexts.current, "a b");
  EXPECT_EQ(contexts.urls, (std::map<std::string, std::string>{{"a b", "http://h:1"}, {"yes", "h"}}));
}

TEST_F(ContextsTest, ABrokenFileIsNamed) {
  std::filesystem::create_directories(directory_ + "/slicemill");
  for (const char* text : {"[1]", "contexts: 5", "contexts: {a: 5}", "current: 5", "{"}) {
    std::ofstream(path_) << text;
    const auto contexts = read_contexts(path_);
    ASSERT_FALSE(contexts) << text;
    EXPECT_THAT(contexts.error().message, HasSubstr(path_));
  }
}

TEST_F(ContextsTest, WhichMasterIsMeant) {
  CommandLine line;
  EXPECT_EQ(named_master(line).value(), std::nullopt);
  ASSERT_TRUE(write_contexts(path_, {{{"a", "h:1"}, {"b", "h:2"}}, "a"}));
  EXPECT_EQ(named_master(line).value(), "h:1");
  setenv(kMasterVariable, "h:3", 1);
  EXPECT_EQ(named_master(line).value(), "h:3");
  line.client.context = "b";
  EXPECT_EQ(named_master(line).value(), "h:2");
  line.master_url = "h:4";
  EXPECT_EQ(named_master(line).value(), "h:4");
  line = {};
  line.flags["data"] = "/d";
  EXPECT_EQ(named_master(line).value(), std::nullopt) << "a data directory needs no master";
  line = {};
  line.client.context = "none";
  EXPECT_EQ(named_master(line).error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace slicemill::cli
