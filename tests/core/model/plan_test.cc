#include "core/model/plan_draft.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slicemill {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using Numbers = std::vector<std::size_t>;

PlanDraftNode node(const std::string& id, const std::string& operation, std::vector<std::string> from = {}) {
  return {id, {.name = operation}, std::move(from)};
}

// Two sources, a fork and a join.
std::vector<PlanDraftNode> orders() {
  return {node("web", "file_reader"),
          node("shop", "id_range"),
          node("clean", "filter", {"web", "shop"}),
          node("big", "filter", {"clean"}),
          node("all_out", "file_exporter", {"clean"}),
          node("big_out", "file_exporter", {"big"})};
}

std::string issue_of(const std::vector<PlanDraftNode>& draft) {
  const auto issues = check_plan(draft);
  return issues.size() == 1 ? issues.front().message : std::to_string(issues.size()) + " issues";
}

TEST(Plan, OfAListIsAPath) {
  const Plan plan{{.name = "id_range"}, {.name = "noop"}, {.name = "noop", .bundle = "aa"}};
  EXPECT_EQ(plan.sources(), Numbers{0});
  EXPECT_EQ(plan.sinks(), Numbers{2});
  EXPECT_EQ(plan.nodes[2].inputs, Numbers{1});
  EXPECT_EQ(plan.nodes[1].id, "noop-1");
  EXPECT_EQ(plan.nodes[2].id, "noop-2");
  EXPECT_EQ(plan.label(2), "noop@aa");
  EXPECT_EQ(plan.place(2), "operations[2] noop");
  EXPECT_EQ(plan.source_of(7), 0U);
  EXPECT_THAT(Plan().sources(), IsEmpty());
}

TEST(Plan, AGraphKnowsItsWays) {
  const Plan plan = *plan_of(orders());
  EXPECT_EQ(plan.sources(), (Numbers{0, 1}));
  EXPECT_EQ(plan.sinks(), (Numbers{4, 5}));
  EXPECT_EQ(plan.outputs_of(2), (Numbers{3, 4}));
  EXPECT_EQ(plan.behind(1), (Numbers{1, 2, 3, 4, 5}));
  EXPECT_EQ(plan.behind(3), (Numbers{3, 5}));
  EXPECT_EQ(plan.label(3), "big");
  EXPECT_EQ(plan.place(3), "big (filter)");
}

TEST(Plan, TellsEachWayToANode) {
  const Plan plan = *plan_of(orders());
  EXPECT_THAT(plan.ways_to(5), ElementsAre(Numbers{0, 2, 3}, Numbers{1, 2, 3}));
  EXPECT_THAT(plan.ways_to(0), IsEmpty());
  // Twelve times two ways: more than are told.
  std::vector<PlanDraftNode> draft = {node("n", "id_range")};
  for (int i = 0; i < 12; ++i) {
    const std::string from = draft.back().id, to = from + "n";
    draft.push_back(node(from + "a", "noop", {from}));
    draft.push_back(node(from + "b", "noop", {from}));
    draft.push_back(node(to, "noop", {from + "a", from + "b"}));
    if (i == 7) {
      EXPECT_EQ((*plan_of(draft)).ways_to(draft.size() - 1).size(), Plan::kMostWays);
    }
  }
  EXPECT_THAT((*plan_of(draft)).ways_to(draft.size() - 1), IsEmpty());
}

TEST(Plan, NodesStandBehindTheirInputsHoweverTheyWereGiven) {
  auto draft = orders();
  std::ranges::reverse(draft);
  const Plan plan = *plan_of(draft);
  for (std::size_t at = 0; at < plan.size(); ++at)
    for (const std::size_t input : plan.nodes[at].inputs) EXPECT_LT(input, at);
  std::vector<std::string> ids;
  for (const PlanNode& each : plan.nodes) ids.push_back(each.id);
  EXPECT_THAT(ids, ElementsAre("shop", "web", "clean", "all_out", "big", "big_out"));
}

TEST(Plan, SlicersAreNumberedOverAllSources) {
  const Plan plan = *plan_of(orders());
  EXPECT_EQ(plan.source_of(0), 0U);
  EXPECT_EQ(plan.source_of(1), 1U);
  EXPECT_EQ(plan.source_of(2), 1U) << "of a plan that was changed meanwhile";
}

TEST(Plan, IdsThatAreNotGivenAreMade) {
  const auto ids = plan_ids({node("", "noop"), node("noop-1", "noop"), node("", "noop"), node("", "filter")});
  EXPECT_THAT(ids, ElementsAre("noop-2", "noop-1", "noop-3", "filter-1"));
}

TEST(Plan, SaysWhatIsWrong) {
  EXPECT_THAT(check_plan(orders()), IsEmpty());
  EXPECT_EQ(issue_of({node("a", "x"), node("b", "y", {"c"})}), "there is no \"c\"; there are a, b");
  EXPECT_EQ(issue_of({node("a", "x"), node("b", "y", {"a", "a"})}), "\"a\" is named twice");
  EXPECT_EQ(issue_of({node("a", "x"), node("b", "y", {"b"})}), "\"b\" cannot be its own input");
  EXPECT_EQ(issue_of({node("a", "x"), node("a", "y")}), "\"a\" is the id of another one already");
  for (const char* id : {"a b", "-a", ".a", "ä", "a/b"}) EXPECT_THAT(issue_of({node(id, "x")}), HasSubstr("letters"));
  EXPECT_THAT(issue_of({node(std::string(65, 'a'), "x")}), HasSubstr("letters"));
  EXPECT_EQ(issue_of({node("s", "x"), node("a", "y", {"s", "c"}), node("b", "y", {"a"}), node("c", "y", {"b"}),
                      node("d", "y", {"c"})}),
            "records would go round in a circle: a -> b -> c -> a");
  EXPECT_EQ(plan_of({node("a", "x"), node("b", "y", {"c"})}).error().message, "b: there is no \"c\"; there are a, b");
}

TEST(Plan, IsDrawn) {
  EXPECT_EQ(draw_plan(*plan_of(orders())),
            "web (file_reader) -> clean (filter)\n"
            "├─ big (filter) -> big_out (file_exporter)\n"
            "└─ all_out (file_exporter)\n"
            "shop (id_range) -> clean (filter), as above\n");
  EXPECT_EQ(draw_plan({{.name = "id_range"}, {.name = "noop"}}), "id_range -> noop\n");
}

}  // namespace
}  // namespace slicemill
