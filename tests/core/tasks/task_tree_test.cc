#include "core/tasks/task_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

namespace slicemill {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string first_issue(const char* tasks) {
  const auto parsed = parse_tasks(Json::parse(tasks));
  if (parsed.issues.empty()) return "";
  return fmt::format("{}: {}", fmt::join(parsed.issues.front().path, "."), parsed.issues.front().message);
}

TEST(TaskTree, ReadsEveryField) {
  const auto parsed = parse_tasks(Json::parse(R"([
    {"name": "fetch", "run": "curl x", "env": {"A": 1, "B": true, "C": "c"}, "files": {"a.sh": "echo"},
     "workdir": "/tmp", "timeout": "2 minutes", "output": "VERSION", "retries": 3, "retry_delay": 50},
    {"parallel": [{"argv": ["ls", "-l"]}, {"tasks": [{"run": "b"}]}]},
    {"name": "each", "each": ["x", 2, {"a": 1}], "concurrency": 4, "as": "FILE", "index_as": "N", "run": "c"},
    {"each": "LIST", "parallel": [{"run": "d"}]}
  ])"));
  ASSERT_TRUE(parsed.issues.empty()) << parsed.issues.front().message;
  const auto& tasks = parsed.root.children;
  ASSERT_EQ(tasks.size(), 4U);
  EXPECT_EQ(tasks[0].command, (TaskCommand{.run = "curl x",
                                           .environment = {{"A", "1"}, {"B", "true"}, {"C", "c"}},
                                           .files = {{"a.sh", "echo"}},
                                           .directory = "/tmp",
                                           .timeout_ms = 120'000,
                                           .output = "VERSION",
                                           .retries = 3,
                                           .retry_delay_ms = 50}));
  EXPECT_EQ(tasks[1].kind, TaskKind::parallel);
  EXPECT_THAT(tasks[1].children[0].command.argv, ElementsAre("ls", "-l"));
  EXPECT_EQ(tasks[1].children[1].kind, TaskKind::sequence);
  EXPECT_EQ(tasks[2].kind, TaskKind::each);
  EXPECT_THAT(*tasks[2].items, ElementsAre("x", "2", R"({"a":1})"));
  EXPECT_EQ(tasks[2].concurrency, 4U);
  EXPECT_EQ(tasks[2].item_name, "FILE");
  EXPECT_EQ(tasks[2].index_name, "N");
  EXPECT_EQ(tasks[2].children[0].command.run, "c");
  EXPECT_EQ(tasks[3].items_of, "LIST");
  EXPECT_EQ(tasks[3].item_name, "ITEM");
}

TEST(TaskTree, NamesThePlaceOfWhatIsWrong) {
  EXPECT_EQ(first_issue("{}"), ": must be a list of tasks");
  EXPECT_EQ(first_issue("[]"), ": at least one task is required");
  EXPECT_EQ(first_issue(R"([1])"), "0: must be an object with one of run, argv, tasks and parallel");
  EXPECT_EQ(first_issue(R"([{"name": "a"}])"), "0: one of run, argv, tasks and parallel is required");
  EXPECT_EQ(first_issue(R"([{"run": "a", "argv": ["b"]}])"),
            "0: only one of run, argv, tasks and parallel can be given");
  EXPECT_EQ(first_issue(R"([{"parallel": [{"run": "a"}, {"argv": [""]}]}])"),
            "0.parallel.1.argv: expected array of non-empty strings, item 0 is empty");
  EXPECT_EQ(first_issue(R"([{"tasks": []}])"), "0.tasks: at least one task is required");
  EXPECT_THAT(first_issue(R"([{"run": "a", "tiemout": 5}])"), HasSubstr("0.tiemout: "));
  EXPECT_THAT(first_issue(R"([{"run": "a", "tiemout": 5}])"), HasSubstr("timeout"));
  EXPECT_THAT(first_issue(R"([{"run": 7}])"), HasSubstr("0.run: a text is required, received number"));
  EXPECT_EQ(first_issue(R"([{"run": "a", "output": "A-B"}])"),
            "0.output: \"A-B\" is no name of a variable: letters, digits and _, no digit first");
  EXPECT_EQ(first_issue(R"([{"run": "a", "env": {"SLICEMILL_X": 1}}])"),
            "0.env: SLICEMILL_X: names that begin with SLICEMILL_ are the system's own");
  EXPECT_EQ(first_issue(R"([{"run": "a", "env": {"X": [1]}}])"), "0.env.X: must be a text, a number or a boolean");
  EXPECT_EQ(first_issue(R"([{"run": "a", "files": {"../x": "1"}}])"), "0.files: \"../x\" is no name of a file");
  EXPECT_EQ(first_issue(R"([{"run": "a", "concurrency": 2}])"), "0.concurrency: is of `each`, which is not given");
  EXPECT_EQ(first_issue(R"([{"run": "a", "each": 7}])"),
            "0.each: must be a list, or the name of a variable that holds one");
  EXPECT_EQ(first_issue("[{\"run\": \"a\\u0000b\"}]"), "0: a character with the code 0 cannot be given to a program");
}

TEST(TaskTree, DeepAndManyTasksAreRefused) {
  Json deep = Json::array({{{"run", "a"}}});
  for (int i = 0; i < 20; ++i) deep = Json::array({{{"tasks", deep}}});
  const auto parsed = parse_tasks(deep);
  ASSERT_FALSE(parsed.issues.empty());
  EXPECT_EQ(parsed.issues.front().message, "tasks may stand within each other at most 16 deep");
  Json several = Json::array();
  for (int i = 0; i < 100'001; ++i) several.push_back({{"run", "a"}});
  const auto many = parse_tasks(several);
  ASSERT_FALSE(many.issues.empty());
  EXPECT_THAT(many.issues.front().message, HasSubstr("at most 100000 tasks"));
}

TEST(TaskTree, LabelsNameItems) {
  const auto root = *valid_tasks(Json::parse(
      R"([{"run": "a"}, {"name": "convert", "each": [1, 2], "tasks": [{"name": "one", "run": "b"}, {"run": "c"}]}])"));
  EXPECT_EQ(task_label(root, {0}), "tasks[0]");
  EXPECT_EQ(task_label(root, {1, 1, 0}), "one[1]");
  EXPECT_EQ(task_label(root, {1, 1, 1}), "tasks[1].tasks[1][1]");
  EXPECT_EQ(task_label(root, {7, 1}), "7.1");
  EXPECT_EQ(find_task(root, {1, 1, 1})->command.run, "c");
  EXPECT_EQ(find_task(root, {1, 1, 2}), nullptr);
  EXPECT_EQ(count_tasks(root), 5U);
  EXPECT_EQ(count_tasks(*valid_tasks(Json::parse(R"([{"each": "LIST", "run": "a"}])"))), std::nullopt);
}

TEST(TaskTree, IsDrawn) {
  const auto root = *valid_tasks(Json::parse(
      R"([{"name": "list", "run": "ls"}, {"each": "FILES", "concurrency": 2, "tasks": [{"argv": ["a", "b"]}]},
          {"name": "p", "parallel": [{"each": [1, 2], "run": "c"}]}])"));
  EXPECT_EQ(draw_tasks(root),
            "├─ list: ls\n"
            "├─ each of $FILES, 2 at a time\n"
            "│  └─ one after the other\n"
            "│     └─ a b\n"
            "└─ p: parallel\n"
            "   └─ each of 2 items\n"
            "      └─ c\n");
}

TEST(TaskTree, SaysWhatMakesStoredProgressUseless) {
  const auto of = [](const char* tasks) { return *valid_tasks(Json::parse(tasks)); };
  const auto before = of(R"([{"run": "a"}, {"each": [1], "run": "b"}])");
  EXPECT_EQ(shape_difference(before, of(R"([{"run": "mended"}, {"each": [1], "argv": ["c"]}])")), "");
  EXPECT_EQ(shape_difference(before, of(R"([{"run": "a"}])")), "tasks has 1 tasks and had 2");
  EXPECT_EQ(shape_difference(before, of(R"([{"run": "a"}, {"each": [1, 2], "run": "b"}])")),
            "tasks[1] has another list");
  EXPECT_EQ(shape_difference(before, of(R"([{"parallel": [{"run": "a"}]}, {"each": [1], "run": "b"}])")),
            "tasks[0] is parallel tasks and was a command");
}

}  // namespace
}  // namespace slicemill
