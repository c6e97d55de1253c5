#include "core/tasks/task_graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace slicemill {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

TaskGraph graph_of(const char* tasks) {
  return TaskGraph(*valid_tasks(Json::parse(tasks)));
}

std::vector<std::string> begun(TaskGraph& graph, std::size_t most = 100) {
  const auto tasks = graph.begin_tasks(most);
  std::vector<std::string> paths;
  if (!tasks) return {"error: " + tasks.error().message};
  for (const BegunTask& task : *tasks) paths.push_back(to_text(task.path));
  return paths;
}

TaskPath path(const char* text) {
  return *parse_task_path(text);
}

TEST(TaskGraph, SequencesWaitParallelTasksDoNot) {
  auto graph = graph_of(R"([{"run": "a"}, {"parallel": [{"run": "b"}, {"tasks": [{"run": "c"}, {"run": "d"}]}]},
                            {"run": "e"}])");
  EXPECT_THAT(begun(graph), ElementsAre("0"));
  EXPECT_THAT(begun(graph), IsEmpty());
  ASSERT_TRUE(graph.complete(path("0"), ""));
  EXPECT_THAT(begun(graph), ElementsAre("1.0", "1.1.0"));
  ASSERT_TRUE(graph.complete(path("1.1.0"), ""));
  EXPECT_THAT(begun(graph), ElementsAre("1.1.1"));
  ASSERT_TRUE(graph.complete(path("1.1.1"), ""));
  EXPECT_THAT(begun(graph), IsEmpty());
  ASSERT_TRUE(graph.complete(path("1.0"), ""));
  EXPECT_THAT(begun(graph), ElementsAre("2"));
  EXPECT_FALSE(graph.finished());
  ASSERT_TRUE(graph.complete(path("2"), ""));
  EXPECT_TRUE(graph.finished());
}

TEST(TaskGraph, AnEachRunsSoManyAtATime) {
  auto graph = graph_of(R"([{"each": ["x", "y", "z", "w"], "concurrency": 2, "run": "a"}])");
  EXPECT_THAT(begun(graph), ElementsAre("0.0", "0.1"));
  ASSERT_TRUE(graph.complete(path("0.1"), ""));
  EXPECT_THAT(begun(graph), ElementsAre("0.2"));
  ASSERT_TRUE(graph.fail(path("0.0")));  // others go on in its place
  EXPECT_THAT(begun(graph), ElementsAre("0.3"));
  ASSERT_TRUE(graph.complete(path("0.2"), ""));
  ASSERT_TRUE(graph.complete(path("0.3"), ""));
  EXPECT_FALSE(graph.finished());
  ASSERT_TRUE(graph.complete(path("0.0"), ""));  // mended
  EXPECT_TRUE(graph.finished());
}

TEST(TaskGraph, GivesNoMoreThanIsAsked) {
  auto graph = graph_of(R"([{"each": [0, 1, 2, 3, 4], "run": "a"}])");
  EXPECT_THAT(begun(graph, 2), ElementsAre("0.0", "0.1"));
  EXPECT_THAT(begun(graph, 2), ElementsAre("0.2", "0.3"));
  EXPECT_THAT(begun(graph, 2), ElementsAre("0.4"));
}

TEST(TaskGraph, EmptyListsAreDoneAtOnce) {
  auto graph = graph_of(R"([{"each": [], "run": "a"}, {"parallel": [{"each": [], "run": "b"}, {"run": "c"}]},
                            {"each": [1], "tasks": [{"each": [], "run": "d"}]}])");
  EXPECT_THAT(begun(graph), ElementsAre("1.1"));
  ASSERT_TRUE(graph.complete(path("1.1"), ""));
  EXPECT_THAT(begun(graph), IsEmpty());
  EXPECT_TRUE(graph.finished());
}

TEST(TaskGraph, TasksSeeValuesAndItems) {
  auto graph = graph_of(R"([{"run": "a", "output": "V"},
                            {"each": ["x", {"k": 1}], "as": "OUTER", "tasks": [{"each": ["y"], "index_as": "N", "run": "b"}]}])");
  EXPECT_THAT(begun(graph), ElementsAre("0"));
  ASSERT_TRUE(graph.complete(path("0"), "17"));
  const auto tasks = graph.begin_tasks(10);
  ASSERT_TRUE(tasks);
  ASSERT_EQ(tasks->size(), 2U);
  EXPECT_THAT((*tasks)[1].variables, ElementsAre(Pair("INDEX", "1"), Pair("ITEM", "y"), Pair("N", "0"),
                                                 Pair("OUTER", R"({"k":1})"), Pair("V", "17")));
}

TEST(TaskGraph, ListsComeFromValues) {
  for (const char* list : {R"(["x",2])", "x\n2\n", "x\r\n\n2"}) {
    auto graph = graph_of(R"([{"run": "a", "output": "L"}, {"each": "L", "run": "b"}])");
    EXPECT_THAT(begun(graph), ElementsAre("0"));
    ASSERT_TRUE(graph.complete(path("0"), list));
    const auto tasks = graph.begin_tasks(10);
    ASSERT_TRUE(tasks);
    ASSERT_EQ(tasks->size(), 2U) << list;
    EXPECT_EQ((*tasks)[1].variables.at("ITEM"), "2");
  }
  auto broken = graph_of(R"([{"run": "a", "output": "L"}, {"each": "L", "run": "b"}])");
  (void)begun(broken);
  ASSERT_TRUE(broken.complete(path("0"), "[1,"));
  EXPECT_THAT(begun(broken), ElementsAre(HasSubstr("tasks[1]: each: L is no JSON array")));
  auto missing = graph_of(R"([{"each": "L", "run": "b"}])");
  EXPECT_THAT(begun(missing), ElementsAre("error: tasks[0]: each: no task before it gave a value to L"));
}

TEST(TaskGraph, AnEachGathersTheValuesOfItsItemsInTheirOrder) {
  auto graph = graph_of(R"([{"each": [0, 1, 2], "run": "a", "output": "ALL"}, {"run": "b"}])");
  (void)begun(graph);
  ASSERT_TRUE(graph.complete(path("0.2"), "two"));
  ASSERT_TRUE(graph.complete(path("0.0"), ""));
  auto again = graph_of(R"([{"each": [0, 1, 2], "run": "a", "output": "ALL"}, {"run": "b"}])");
  ASSERT_TRUE(again.restore(graph.position()));
  ASSERT_TRUE(again.complete(path("0.1"), "o\"ne"));
  const auto tasks = again.begin_tasks(1);
  ASSERT_TRUE(tasks);
  EXPECT_EQ(tasks->front().variables.at("ALL"), R"(["","o\"ne","two"])");
}

TEST(TaskGraph, VariablesAreBounded) {
  auto graph = graph_of(R"([{"run": "a", "output": "A"}, {"run": "b", "output": "B"}])");
  (void)begun(graph);
  ASSERT_TRUE(graph.complete(path("0"), std::string(kMostValueBytes - 100, 'x')));
  (void)begun(graph);
  const auto done = graph.complete(path("1"), std::string(200, 'x'));
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().message,
              HasSubstr("tasks[1]: output: with this value of B all variables together would take"));
  EXPECT_FALSE(done.error().retryable);
}

TEST(TaskGraph, WhatWasNotUnderWayCannotComplete) {
  auto graph = graph_of(R"([{"run": "a"}, {"parallel": [{"run": "b"}, {"run": "c"}]}])");
  (void)begun(graph);
  for (const char* text : {"1", "1.0", "2", "0.0"}) EXPECT_FALSE(graph.complete(path(text), "")) << text;
  EXPECT_FALSE(graph.complete({}, ""));
  EXPECT_FALSE(graph.fail(path("1.0")));
  ASSERT_TRUE(graph.complete(path("0"), ""));
  EXPECT_FALSE(graph.complete(path("0"), ""));  // told twice
}

TEST(TaskGraph, StoredProgressOfOtherTasksIsRefused) {
  auto graph = graph_of(R"([{"parallel": [{"run": "a"}, {"tasks": [{"run": "b"}, {"run": "c"}]}]}, {"run": "d"}])");
  (void)begun(graph);
  ASSERT_TRUE(graph.complete(path("0.1.0"), ""));
  auto other = graph_of(R"([{"run": "a"}])");
  EXPECT_FALSE(other.restore(graph.position()));
  EXPECT_FALSE(other.restore("{"));
  EXPECT_FALSE(other.restore("{}"));
  EXPECT_FALSE(other.restore(R"({"variables":{},"root":{"begun":7,"done":[]}})"));
  EXPECT_FALSE(other.restore(R"({"variables":{},"root":{"begun":1,"done":[[0,3]]}})"));
  EXPECT_TRUE(other.restore(""));
}

// Whatever the order of completions and failures, and however often the graph is made anew from its position, each task
// begins once, behind all that stands before it, and in the end all are done.
TEST(TaskGraph, EveryTaskBeginsOnceInWhateverOrderOthersComplete) {
  constexpr const char* kTasks = R"([
    {"run": "a", "output": "L"},
    {"parallel": [{"run": "b"}, {"each": "L", "concurrency": 2, "tasks": [{"run": "c"}, {"run": "d"}]},
                  {"each": [1, 2, 3], "parallel": [{"run": "e"}, {"each": [], "run": "f"}]}]},
    {"each": [1, 2, 3, 4, 5], "concurrency": 3, "run": "g", "output": "V"},
    {"run": "h"}])";
  for (unsigned seed = 1; seed <= 200; ++seed) {
    std::mt19937 random(seed);
    auto graph = graph_of(kTasks);
    std::set<std::string> given, done;
    std::vector<std::string> running, failed;
    while (!graph.finished()) {
      if (random() % 3 == 0) {
        auto again = graph_of(kTasks);
        ASSERT_TRUE(again.restore(graph.position()));
        EXPECT_EQ(again.position(), graph.position());
        graph = std::move(again);
      }
      for (const auto& task : begun(graph, 1 + random() % 4)) {
        ASSERT_TRUE(given.insert(task).second) << task << " began twice, seed " << seed;
        if (task[0] == '2') {
          ASSERT_TRUE(done.contains("1.0") && done.contains("1.1.2.1"));
        }
        running.push_back(task);
      }
      if (running.empty()) std::swap(running, failed);  // a recovery
      if (running.empty()) continue;
      std::swap(running[random() % running.size()], running.back());
      const std::string task = running.back();
      running.pop_back();
      if (random() % 5 == 0 && !done.contains(task)) {
        ASSERT_TRUE(graph.fail(path(task.c_str())));
        failed.push_back(task);
      } else {
        ASSERT_TRUE(graph.complete(path(task.c_str()), task == "0" ? "x\ny\nz" : task));
        done.insert(task);
      }
    }
    EXPECT_EQ(given.size(), 1U + 1U + 6U + 3U + 5U + 1U);
    EXPECT_EQ(given, done);
  }
}

}  // namespace
}  // namespace slicemill
