#include "master/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "master/registry_schema.h"
#include "master/sqlite.h"
#include "tests/fakes/manual_loop.h"
#include "tests/master/temp_directory.h"

namespace slicemill::master {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class RegistryTest : public ::testing::Test {
 protected:
  RegistryTest() { open(); }

  void open() {
    registry_.reset();
    auto opened = Registry::open(loop_, path());
    ASSERT_TRUE(opened) << opened.error().message;
    registry_ = std::move(*opened);
  }
  std::string path() const { return directory_.path() + "/registry.sqlite"; }

  Result<void> write(RegistryBatch batch) {
    std::optional<Result<void>> result;
    registry_->write(std::move(batch), [&](const Result<void>& r) { result = r; });
    loop_.run_ready();
    return result.value_or(Error{ErrorCode::internal, "not answered"});
  }

  JobRow job(const std::string& id, WallMs updated = 1'000) {
    JobRow row;
    row.job_id = JobId(id);
    row.seq = registry_->new_job_seq();
    row.name = "name of " + id;
    row.created = row.updated = updated;
    row.doc = R"({"name":"x"})";
    return row;
  }

  ExecutionRow execution(const std::string& id, const std::string& job_id, WallMs updated = 1'000) {
    ExecutionRow row;
    row.ex_id = ExecutionId(id);
    row.seq = registry_->new_execution_seq();
    row.job_id = JobId(job_id);
    row.created = row.updated = updated;
    row.doc = "{}";
    return row;
  }

  static std::vector<std::string> ids(const Result<std::vector<JobRow>>& rows) {
    std::vector<std::string> list;
    if (rows) {
      for (const auto& row : *rows) list.push_back(row.job_id.text);
    }
    return list;
  }
  static std::vector<std::string> ids(const Result<std::vector<ExecutionRow>>& rows) {
    std::vector<std::string> list;
    if (rows) {
      for (const auto& row : *rows) list.push_back(row.ex_id.text);
    }
    return list;
  }

  TempDirectory directory_;
  ManualLoop loop_;
  std::unique_ptr<Registry> registry_;
};

TEST_F(RegistryTest, KeepsEverythingOverReopening) {
  RegistryBatch batch;
  batch.jobs.push_back(job("j1"));
  ExecutionRow row = execution("e1", "j1", 5'000);
  row.status = ExecutionStatus::paused;
  row.reason = "why";
  row.has_errors = true;
  row.failed = 3;
  row.stats = "{\"processed\":1}";
  row.workers = 7;
  row.recovered_execution = ExecutionId("e0");
  row.cleanup = CleanupType::errors;
  row.source_ledger = ExecutionId("e00");
  batch.executions.push_back(row);
  batch.history.push_back({ExecutionId("e1"), 1, "", "created", "pending", ""});
  batch.history.push_back({ExecutionId("e1"), 2, "pending", "stop", "stopping", "asked"});
  batch.epochs.push_back({JobId("j1"), 4});
  const ProcessRow process{ExecutionId("e1"), JobId("j1"), true, {"boot", 77, 99}, 5, 0, WorkerId("w"), 4};
  batch.processes.push_back(process);
  ASSERT_TRUE(write(batch));
  open();

  const auto stored = registry_->execution(ExecutionId("e1"));
  ASSERT_TRUE(stored && *stored);
  EXPECT_EQ((*stored)->status, ExecutionStatus::paused);
  EXPECT_EQ((*stored)->reason, "why");
  EXPECT_TRUE((*stored)->has_errors);
  EXPECT_EQ((*stored)->failed, 3);
  EXPECT_EQ((*stored)->stats, "{\"processed\":1}");
  EXPECT_EQ((*stored)->workers, 7);
  EXPECT_EQ((*stored)->recovered_execution.text, "e0");
  EXPECT_EQ((*stored)->cleanup, CleanupType::errors);
  EXPECT_EQ((*stored)->source_ledger.text, "e00");
  EXPECT_THAT(*registry_->history(ExecutionId("e1")), ElementsAre(batch.history[0], batch.history[1]));
  EXPECT_EQ(*registry_->epoch(JobId("j1")), 4U);
  EXPECT_THAT(*registry_->processes(), ElementsAre(process));
  EXPECT_EQ(registry_->new_job_seq(), 2);
  EXPECT_EQ(registry_->new_execution_seq(), 2);
  EXPECT_THAT(ids(registry_->live_executions()), ElementsAre("e1"));
}

TEST_F(RegistryTest, AnswersOnlyAfterTheCommit) {
  bool answered = false;
  RegistryBatch batch;
  batch.jobs.push_back(job("j1"));
  registry_->write(std::move(batch), [&](const Result<void>& result) {
    answered = true;
    EXPECT_TRUE(result);
    // Another connection sees it, so it is committed.
    const auto other = Database::open(path(), Database::Mode::read_only);
    ASSERT_TRUE(other);
    auto query = (*other)->statement("SELECT count(*) FROM jobs");
    ASSERT_TRUE(query && query->step());
    EXPECT_EQ(query->integer(0), 1);
  });
  EXPECT_FALSE(answered);
  EXPECT_FALSE(*registry_->job(JobId("j1")));
  loop_.run_ready();
  EXPECT_TRUE(answered);
}

TEST_F(RegistryTest, WritesAreAnsweredInTheirOrderAndInGroups) {
  std::vector<int> order;
  for (int i = 0; i < 5; ++i) {
    RegistryBatch batch;
    batch.epochs.push_back({JobId("j"), static_cast<std::uint64_t>(i + 1)});
    registry_->write(std::move(batch), [&order, i](const Result<void>&) { order.push_back(i); });
  }
  // The first goes at once, the other four gather behind it: two commits.
  EXPECT_EQ(loop_.run_ready(), 2U);
  EXPECT_THAT(order, ElementsAre(0, 1, 2, 3, 4));
  EXPECT_EQ(*registry_->epoch(JobId("j")), 5U);
}

TEST_F(RegistryTest, EpochsNeverFall) {
  RegistryBatch batch;
  batch.epochs.push_back({JobId("j"), 9});
  batch.epochs.push_back({JobId("j"), 3});
  ASSERT_TRUE(write(batch));
  EXPECT_EQ(*registry_->epoch(JobId("j")), 9U);
  EXPECT_EQ(*registry_->epoch(JobId("other")), 0U);
}

TEST_F(RegistryTest, ABatchThatBreaksARuleFailsAloneAndWhole) {
  RegistryBatch first;
  first.executions.push_back(execution("e1", "j1"));
  ASSERT_TRUE(write(first));

  RegistryBatch good;
  good.jobs.push_back(job("good"));
  RegistryBatch bad;
  bad.jobs.push_back(job("bad"));
  bad.executions.push_back(execution("e1", "j1"));  // is there already
  std::vector<bool> results;
  registry_->write({}, {});
  registry_->write(good, [&](const Result<void>& result) { results.push_back(bool(result)); });
  registry_->write(bad, [&](const Result<void>& result) {
    results.push_back(bool(result));
    EXPECT_EQ(result.error().code, ErrorCode::conflict);
  });
  loop_.run_ready();
  EXPECT_THAT(results, ElementsAre(true, false));
  EXPECT_TRUE(*registry_->job(JobId("good")));
  EXPECT_FALSE(*registry_->job(JobId("bad")));
}

TEST_F(RegistryTest, AFullDiskIsNoSpaceWithThePath) {
  // SQLite reports a reached page limit as it reports a full disk.
  auto database = Database::open(directory_.path() + "/full.sqlite", Database::Mode::read_write);
  ASSERT_TRUE(database);
  ASSERT_TRUE(prepare_schema(**database));
  ASSERT_TRUE((*database)->execute("PRAGMA max_page_count = 60"));
  auto put = (*database)->statement("INSERT INTO epochs (job_id, epoch) VALUES (?1, 1)");
  ASSERT_TRUE(put);
  put->bind(1, std::string(4 << 20, 'x'));
  const auto result = put->run();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::no_space);
  EXPECT_THAT(result.error().message, HasSubstr("full.sqlite"));
}

TEST_F(RegistryTest, ListsAreSortedCutAndFiltered) {
  RegistryBatch batch;
  for (int i = 0; i < 5; ++i) {
    JobRow row = job("j" + std::to_string(i), 1'000 + i);
    row.active = i % 2 == 0;
    row.deleted = i == 4;
    row.doc = "{\"workers\":" + std::to_string(10 - i) + "}";
    batch.jobs.push_back(row);
  }
  ASSERT_TRUE(write(batch));
  ListQuery query;
  EXPECT_THAT(ids(registry_->jobs(query)), ElementsAre("j3", "j2", "j1", "j0"));
  query.size = 2;
  query.from = 1;
  EXPECT_THAT(ids(registry_->jobs(query)), ElementsAre("j2", "j1"));
  query = {};
  query.active = true;
  EXPECT_THAT(ids(registry_->jobs(query)), ElementsAre("j2", "j0"));
  query = {};
  query.deleted = true;
  EXPECT_THAT(ids(registry_->jobs(query)), ElementsAre("j4"));
  query = {};
  query.sort = "workers:asc";
  EXPECT_THAT(ids(registry_->jobs(query)), ElementsAre("j3", "j2", "j1", "j0"));
  query.sort = "name:asc";
  EXPECT_THAT(ids(registry_->jobs(query)), ElementsAre("j0", "j1", "j2", "j3"));
}

TEST_F(RegistryTest, UnknownSortsAreErrorsThatNameTheKnownOnes) {
  ListQuery query;
  query.sort = "doc; DROP TABLE jobs";
  const auto jobs = registry_->jobs(query);
  ASSERT_FALSE(jobs);
  EXPECT_EQ(jobs.error().code, ErrorCode::invalid);
  EXPECT_THAT(jobs.error().message, HasSubstr("_updated"));
  query.sort = "name:up";
  EXPECT_FALSE(registry_->executions(query));
}

TEST_F(RegistryTest, ExecutionsByStatusJobAndErrors) {
  RegistryBatch batch;
  const ExecutionStatus statuses[] = {ExecutionStatus::completed, ExecutionStatus::running, ExecutionStatus::failed,
                                      ExecutionStatus::pending};
  for (int i = 0; i < 4; ++i) {
    ExecutionRow row = execution("e" + std::to_string(i), i < 3 ? "j1" : "j2", 1'000 + i);
    row.status = statuses[i];
    row.failed = i == 2 ? 1 : 0;
    batch.executions.push_back(row);
  }
  ASSERT_TRUE(write(batch));
  ListQuery query;
  query.statuses = {"running", "failed"};
  EXPECT_THAT(ids(registry_->executions(query)), ElementsAre("e2", "e1"));
  EXPECT_EQ((*registry_->latest_execution(JobId("j1")))->ex_id.text, "e2");
  EXPECT_FALSE(*registry_->latest_execution(JobId("none")));
  EXPECT_THAT(ids(registry_->live_executions()), ElementsAre("e1", "e3"));
  EXPECT_THAT(*registry_->executions_of(JobId("j1")),
              ElementsAre(ExecutionId("e0"), ExecutionId("e1"), ExecutionId("e2")));
  EXPECT_THAT(*registry_->executions_with_errors(10), ElementsAre(ExecutionId("e2")));

  RegistryBatch deletion;
  deletion.deleted_executions_of.push_back({JobId("j1"), 9'000});
  ASSERT_TRUE(write(deletion));
  EXPECT_THAT(ids(registry_->executions({})), ElementsAre("e3"));
  query = {};
  query.deleted = true;
  EXPECT_EQ(registry_->executions(query)->size(), 3U);
}

TEST_F(RegistryTest, AForeignFileIsRefused) {
  const std::string other = directory_.path() + "/other.sqlite";
  std::ofstream(other) << "this is no database, but long enough to have a header of one hundred bytes, so that SQLite "
                          "looks at it closely";
  const auto opened = Registry::open(loop_, other);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::corrupt);
  EXPECT_THAT(opened.error().message, HasSubstr("other.sqlite"));
}

TEST_F(RegistryTest, ANewerFileIsRefusedAndLeftAlone) {
  registry_.reset();
  {
    auto database = Database::open(path(), Database::Mode::read_write);
    ASSERT_TRUE(database && (*database)->execute("PRAGMA user_version = 999"));
  }
  const auto opened = Registry::open(loop_, path());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::unsupported);
  EXPECT_THAT(opened.error().message, HasSubstr("999"));
}

TEST_F(RegistryTest, AMissingDirectoryIsAnErrorWithThePath) {
  const auto opened = Registry::open(loop_, directory_.path() + "/none/registry.sqlite");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::io);
  EXPECT_THAT(opened.error().message, HasSubstr("/none/registry.sqlite"));
}

}  // namespace
}  // namespace slicemill::master
