// What the service shows: errors, statistics, the cluster, lists.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "api/dialects/teraslice/lucene_syntax.h"
#include "api/dialects/teraslice/teraslice_fields.h"
#include "core/ledger/slice_ledger.h"
#include "tests/master/master_service_fixture.h"

namespace slicemill::master {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST_F(MasterServiceTest, ErrorsOfALiveExecutionComeFromItsController) {
  const auto submitted = h_.submit(MasterHarness::job());
  const auto controller = h_.run(submitted.ex_id);
  controller->query_body = R"([{"slice_id":"b","slicer_order":1,"error":"disk"},)"
                           R"({"slice_id":"c","slicer_order":2,"error":"net"},)"
                           R"({"slice_id":"a","slicer_order":3,"error":"disk"}])";
  controller->status("failing", "x", R"({"failed":1})");
  h_.loop.run_ready();
  RecordQuery query;
  const auto ids = [](const Result<std::vector<Json>>& records) {
    std::string text;
    if (records)
      for (const Json& record : *records) text += record["slice_id"].get<std::string>();
    return records ? text : records.error().message;
  };
  EXPECT_EQ(ids(errors(submitted.ex_id)), "bca");
  EXPECT_EQ(ids(errors(std::nullopt)), "bca");
  query.from = 1;
  query.size = 1;
  EXPECT_EQ(ids(errors(submitted.ex_id, query)), "c");
  query = {};
  query.sort = *query::parse_sort("slice_id:asc", api::teraslice::slice_fields());
  EXPECT_EQ(ids(errors(submitted.ex_id, query)), "abc");
  query.from = 1;
  query.size = 1;
  EXPECT_EQ(ids(errors(std::nullopt, query)), "b");
  query.filter = *api::teraslice::parse_filter("error:disk AND slicer_order:>0", api::teraslice::slice_fields(), 0);
  EXPECT_EQ(ids(errors(submitted.ex_id, query)), "b");
  query.sort.clear();
  EXPECT_EQ(ids(errors(submitted.ex_id, query)), "a");
  EXPECT_THAT(*errors(ExecutionId("none")), IsEmpty()) << "a search that finds nothing";
}

TEST_F(MasterServiceTest, ErrorsOfAnEndedExecutionComeFromItsLedger) {
  const auto submitted = h_.submit(MasterHarness::job());
  const auto controller = h_.run(submitted.ex_id);
  {
    std::filesystem::create_directories(h_.layout.data + "/ledgers");
    auto ledger =
        create_ledger(h_.loop, h_.layout.ledger_directory(submitted.ex_id.text), {submitted.ex_id.text, "{}", 1});
    ASSERT_TRUE(ledger) << ledger.error().message;
    LedgerBatch batch;
    SliceRun run;
    run.first_order = 1;
    run.requests = ListRequests{{R"({"n":1})"}};
    batch.created.push_back(run);
    OpenRow row;
    row.key = {0, 0, 1};
    row.request = R"({"n":1})";
    row.error = "it broke";
    batch.rows.push_back(row);
    batch.settled.push_back(row.key);
    bool synced = false;
    (*ledger)->write(std::move(batch), [&](const Result<void>& result) { synced = bool(result); });
    ASSERT_TRUE(h_.loop.run_until([&] { return synced; }));
    ASSERT_TRUE((*ledger)->close());
  }
  controller->finished("failed", "1 failure", R"({"failed":1})");
  h_.loop.run_ready();
  for (const auto& id : {std::optional<ExecutionId>(submitted.ex_id), std::optional<ExecutionId>()}) {
    const auto list = errors(id);
    ASSERT_TRUE(list) << list.error().message;
    ASSERT_THAT(*list, SizeIs(1));
    EXPECT_EQ((*list)[0]["state"], "error");
    EXPECT_EQ((*list)[0]["request"], R"({"n":1})");
    EXPECT_EQ((*list)[0]["slice_id"], slice_id(submitted.ex_id.text, SliceKey{0, 0, 1}));
  }
}

TEST_F(MasterServiceTest, StatsAndClusterViews) {
  const auto submitted = h_.submit(MasterHarness::job(1));
  const auto stats = [&] {
    return h_.await<ControllerView>(
        [&](Reply<ControllerView> reply) { h_.service->controller_stats(submitted.ex_id, std::move(reply)); });
  };
  EXPECT_EQ(stats().error().message, "execution " + submitted.ex_id.text + " has no controller at present");
  const auto controller = h_.run(submitted.ex_id);
  controller->status("running", "", R"({"processed":10,"failed":1,"queued":5,"workers_joined":1})");
  h_.loop.run_ready();
  controller->query_body =
      encode_stats({.slices = {.processed = 11}});  // asked of the controller itself, newer than what it reported
  EXPECT_EQ(stats()->stats.slices.processed, 11U);
  EXPECT_EQ(stats()->ex_id, submitted.ex_id);
  EXPECT_EQ(stats()->name, "a job");
  EXPECT_THAT(h_.service->controllers(), SizeIs(1));

  const Json node = h_.service->cluster_state()["host"];
  EXPECT_EQ(node["total"], 8);
  EXPECT_EQ(node["available"], 7);
  ASSERT_THAT(node["active"], SizeIs(4));
  EXPECT_EQ(node["active"][0]["assignment"], "cluster_master");
  EXPECT_EQ(node["active"][0]["pid"], 4711);
  EXPECT_EQ(node["active"][1]["assignment"], "assets_service");
  EXPECT_EQ(node["active"][1]["pid"], 4711);
  EXPECT_EQ(node["active"][2]["assignment"], "execution_controller");
  EXPECT_EQ(node["active"][2]["worker_id"], 3);
  EXPECT_EQ(node["active"][3]["job_id"], submitted.job_id.text);
  EXPECT_EQ(h_.service->cluster_info()["name"], "test");

  controller->status("running", "", R"({"processed":12,"failed":1,"queued":2})");
  controller->status("running", "", R"({"processed":3,"failed":0,"queued":2})");  // began again
  h_.loop.run_ready();
  EXPECT_EQ(h_.service->cluster_counters().processed, 15);
  EXPECT_EQ(h_.service->cluster_counters().queued, 2);
  controller->finished("completed", "", R"({"processed":4,"failed":0,"queued":1})");
  h_.loop.run_ready();
  EXPECT_EQ(h_.service->cluster_counters().processed, 16);
  EXPECT_EQ(h_.service->cluster_counters().queued, 0);
  EXPECT_THAT(h_.service->controllers(), IsEmpty());
}

TEST_F(MasterServiceTest, JobsAreShownWithTheirLatestExecution) {
  const auto submitted = h_.submit(MasterHarness::job());
  const auto shown = [&](const std::optional<ExecutionFields>& fields) {
    return *whole_document(*h_.await<ShownDocument>(
        [&](Reply<ShownDocument> reply) { h_.service->get_job(submitted.job_id, fields, std::move(reply)); }));
  };
  const auto listed = [&](const std::optional<ExecutionFields>& fields) {
    ListQuery query;
    query.execution_fields = fields;
    const auto listed_jobs = h_.await<ListedDocuments>(
        [&](Reply<ListedDocuments> reply) { h_.service->list_jobs(query, std::move(reply)); });
    return *whole_document(**listed_jobs->documents->next());
  };
  EXPECT_FALSE(shown(std::nullopt).contains("ex"));
  EXPECT_FALSE(listed(std::nullopt).contains("ex"));
  const ExecutionFields some{{"ex_id", "_status", "nope"}};
  const Json wanted = {{"ex_id", submitted.ex_id.text}, {"_status", "scheduling"}};
  EXPECT_EQ(shown(some)["ex"], wanted);
  EXPECT_EQ(listed(some)["ex"], wanted);
  EXPECT_EQ(shown(ExecutionFields{})["ex"], h_.document(submitted.ex_id));
  h_.finish(submitted.ex_id, "completed", true);
  ASSERT_TRUE(remove_job(submitted.job_id));
  EXPECT_EQ(shown(some)["ex"], Json::object());
}

// Documents are read when they are sent: what left the list meanwhile is not in it.
TEST_F(MasterServiceTest, AJobThatIsDeletedWhileItsListIsSentIsLeftOut) {
  const auto first = h_.submit(MasterHarness::job());
  const auto second = h_.submit(MasterHarness::job());
  h_.finish(first.ex_id, "completed", true);
  h_.finish(second.ex_id, "completed", true);
  const auto jobs =
      h_.await<ListedDocuments>([&](Reply<ListedDocuments> reply) { h_.service->list_jobs({}, std::move(reply)); });
  const auto executions = h_.await<ListedDocuments>(
      [&](Reply<ListedDocuments> reply) { h_.service->list_executions({}, std::move(reply)); });
  ASSERT_TRUE(remove_job(first.job_id));
  EXPECT_EQ((*whole_document(**jobs->documents->next()))["job_id"], second.job_id.text);
  EXPECT_FALSE(*jobs->documents->next());
  EXPECT_EQ((*whole_document(**executions->documents->next()))["job_id"], second.job_id.text);
  EXPECT_FALSE(*executions->documents->next());
}

TEST_F(MasterServiceTest, ListsOfExecutionsKnowStatuses) {
  const auto submitted = h_.submit(MasterHarness::job());
  const auto list = [&](std::optional<std::vector<ExecutionStatus>> statuses) {
    ListQuery query;
    query.statuses = std::move(statuses);
    const auto listed = h_.await<ListedDocuments>(
        [&](Reply<ListedDocuments> reply) { h_.service->list_executions(query, std::move(reply)); });
    std::size_t count = 0;
    while (*listed->documents->next()) ++count;
    return count;
  };
  EXPECT_EQ(list(std::nullopt), 1U);
  EXPECT_EQ(list(std::vector{ExecutionStatus::scheduling, ExecutionStatus::failed}), 1U);
  EXPECT_EQ(list(std::vector<ExecutionStatus>()), 0U);
  EXPECT_EQ(list(std::vector{ExecutionStatus::completed}), 0U);
}

}  // namespace
}  // namespace slicemill::master
