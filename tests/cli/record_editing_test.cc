#include "cli/record_editing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace slicemill::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

Json listed(const std::string& id, const std::string& bytes, const std::string& encoding = "utf-8") {
  return {{"id", id}, {"place", "/in/a: byte 1"}, {"error", "text\nends"}, {"bytes", bytes}, {"encoding", encoding}};
}

TEST(RecordEditing, WhatIsLeftAloneComesBackAsItWas) {
  const std::vector<Json> records = {
      listed("s1/0", "{\"a\":"),       listed("s1/1", "two\nlines"),     listed("s2/0", ""),
      listed("s3/0", "a\n=== s9/0 x"), listed("s4/0", "/w==", "base64"), listed("s5/0", "# no remark"),
      listed("s6/0", "end\n")};
  const auto back = read_edited(editable_text(records));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_THAT(*back, ElementsAre(Pair("s1/0", "{\"a\":"), Pair("s1/1", "two\nlines"), Pair("s2/0", ""),
                                 Pair("s3/0", "a\n=== s9/0 x"), Pair("s4/0", "\xff"), Pair("s5/0", "# no remark"),
                                 Pair("s6/0", "end\n")));
}

TEST(RecordEditing, TakesMendedAndWithoutWhatWasTakenOut) {
  const auto back = read_edited("# remark\n\n=== s1/0 /in/a: byte 1: error\n{\"a\":1}\n");
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_THAT(*back, ElementsAre(Pair("s1/0", "{\"a\":1}")));
}

TEST(RecordEditing, TakesRecordsAsTheyAreListed) {
  const auto back = read_edited(listed("s1/0", "a").dump() + "\n\n" + listed("s2/0", "/w==", "base64").dump());
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_THAT(*back, ElementsAre(Pair("s1/0", "a"), Pair("s2/0", "\xff")));
}

TEST(RecordEditing, SaysWhatIsWrong) {
  for (const auto& [text, words] :
       {std::pair("", "records: must be a list"), std::pair("x\n", "line 1: expected the head"),
        std::pair("=== s1/0 p: e\n", "the record s1/0 is empty"),
        std::pair("=== s1/0 p: e\na\n=== s1/0 p: e\na\n", "s1/0 is there twice"),
        std::pair("=== s1/0 base64 p: e\n!\n", "records[0].bytes"),
        std::pair("{\"id\":1}\n", "records[0].id: must be a text"),
        std::pair("{\"id\":\"a\",\"bytes\":\"b\"}\n{", "line 2: ")}) {
    const auto refused = read_edited(text);
    ASSERT_FALSE(refused) << text;
    EXPECT_THAT(refused.error().message, HasSubstr(words)) << text;
  }
}

}  // namespace
}  // namespace slicemill::cli
