#include "core/tasks/task_request.h"

#include <gtest/gtest.h>

namespace slicemill {
namespace {

TEST(TaskRequest, ComesBackAsItWas) {
  const TaskRequest request{{2, 0, 17}, "convert[17]", {{"ITEM", "a \"b\"\n"}, {"V", ""}}};
  const auto read = parse_task_request(to_text(request));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->path, request.path);
  EXPECT_EQ(read->label, request.label);
  EXPECT_EQ(read->variables, request.variables);
}

TEST(TaskRequest, OthersAreCorrupt) {
  for (const char* text : {"", "{}", "[]", R"({"task":"x","name":"","variables":{}})", R"({"task":"1","name":7})",
                           R"({"task":"-1","name":"","variables":{}})", R"({"task":"","name":"","variables":{}})"})
    EXPECT_FALSE(parse_task_request(text)) << text;
}

}  // namespace
}  // namespace slicemill
