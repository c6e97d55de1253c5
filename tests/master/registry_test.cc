#include "master/registry/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <map>
#include <random>
#include <set>

#include "api/dialects/teraslice/lucene_syntax.h"
#include "api/dialects/teraslice/teraslice_documents.h"
#include "api/dialects/teraslice/teraslice_fields.h"
#include "master/executions/execution_documents.h"
#include "master/lists/list_words.h"
#include "master/registry/registry_schema.h"
#include "master/registry/sqlite.h"
#include "tests/dialects/filter_cases.h"
#include "tests/fakes/manual_loop.h"
#include "tests/master/temp_directory.h"

namespace slicemill::master {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A file of the version before knows no words. Those of the versions before that know no keys and numbers of changes,
// and nothing of ledgers that were made, lineages and removed executions.
constexpr const char* kUndoWords =
    "DROP TABLE words_to_read; DROP TABLE job_words; DROP TABLE execution_words; "
    "DROP INDEX IF EXISTS job_index_updated; DROP INDEX IF EXISTS job_index_created; "
    "DROP INDEX IF EXISTS job_index_name; DROP INDEX IF EXISTS execution_index_updated; "
    "DROP INDEX IF EXISTS execution_index_created; DROP INDEX IF EXISTS execution_index_name; "
    "DROP INDEX IF EXISTS execution_index_status; "
    "CREATE INDEX job_index_stamp ON job_index (stamp); CREATE INDEX execution_index_stamp ON execution_index (stamp);";
constexpr const char* kUndoVersions =
    "DROP TABLE execution_specs; ALTER TABLE jobs DROP COLUMN dialect; "
    "DROP TABLE submissions; CREATE TABLE unnumbered AS SELECT ex_id, at, from_state, event, to_state, reason FROM "
    "history; DROP TABLE history; ALTER TABLE unnumbered RENAME TO history; "
    "CREATE INDEX history_execution ON history (ex_id); "
    "DROP INDEX executions_lineage; DROP INDEX executions_deleted; DROP INDEX executions_ended; "
    "CREATE INDEX executions_job ON executions (job_id, seq); DROP TABLE removed_executions; "
    "ALTER TABLE executions DROP COLUMN has_ledger; ALTER TABLE executions DROP COLUMN lineage; "
    "ALTER TABLE executions DROP COLUMN owns_staging;";

class RegistryTest : public ::testing::Test {
 protected:
  RegistryTest() { open(); }

  void open() {
    registry_.reset();
    auto opened = Registry::open(loop_, path(), api::teraslice::job_dialect());
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

  static ListQuery sorted(std::string_view order) {
    ListQuery query;
    query.sort = *query::parse_sort(order, api::teraslice::job_fields());
    return query;
  }
  static ListQuery filtered(std::string_view text) {
    ListQuery query;
    query.filter = *api::teraslice::parse_filter(text, api::teraslice::job_fields(), query::kCasesNow);
    return query;
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
  loop_.run_ready();  // the columns of lists are read
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
  ASSERT_TRUE(prepare_schema(**database, ListIndex(api::teraslice::job_dialect())));
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
  query.window = PageWindow{1, 2};
  EXPECT_THAT(ids(registry_->jobs(query)), ElementsAre("j2", "j1"));
  query = {};
  query.active = true;
  EXPECT_THAT(ids(registry_->jobs(query)), ElementsAre("j2", "j0"));
  query = {};
  query.deleted = true;
  EXPECT_THAT(ids(registry_->jobs(query)), ElementsAre("j4"));
  EXPECT_THAT(ids(registry_->jobs(sorted("workers:asc"))), ElementsAre("j3", "j2", "j1", "j0"));
  EXPECT_THAT(ids(registry_->jobs(sorted("_created:asc"))), ElementsAre("j0", "j1", "j2", "j3"));
}

TEST_F(RegistryTest, ListsAreSortedBySeveralFieldsNothingLast) {
  RegistryBatch batch;
  const char* docs[] = {R"({"lifecycle":"once","workers":2})", R"({"lifecycle":"persistent","workers":9})",
                        R"({"lifecycle":"once","workers":10})", R"({"workers":10})"};
  for (int i = 0; i < 4; ++i) {
    JobRow row = job("j" + std::to_string(i));
    row.doc = docs[i];
    batch.jobs.push_back(row);
  }
  ASSERT_TRUE(write(batch));
  EXPECT_THAT(ids(registry_->jobs(sorted("lifecycle:asc,workers:desc"))), ElementsAre("j2", "j0", "j1", "j3"));
  EXPECT_THAT(ids(registry_->jobs(sorted("workers:desc,lifecycle:asc"))), ElementsAre("j2", "j3", "j1", "j0"));
  EXPECT_THAT(ids(registry_->jobs(sorted("lifecycle:asc"))), ElementsAre("j0", "j2", "j1", "j3"));
  EXPECT_THAT(ids(registry_->jobs(sorted("lifecycle:desc"))), ElementsAre("j1", "j2", "j0", "j3"));
  for (const auto& field : api::teraslice::job_fields()) {
    EXPECT_TRUE(registry_->jobs(sorted(std::string(field.name) + ":asc"))) << field.name;
    EXPECT_TRUE(registry_->jobs(filtered("_exists_:" + std::string(field.name)))) << field.name;
  }
  for (const auto& field : api::teraslice::execution_fields()) {
    ListQuery query;
    query.sort = *query::parse_sort(field.name, api::teraslice::execution_fields());
    query.filter =
        *api::teraslice::parse_filter("_exists_:" + std::string(field.name), api::teraslice::execution_fields(), 0);
    EXPECT_TRUE(registry_->executions(query)) << field.name;
  }
}

// The evaluator's twin: tests/dialects/lucene_filter_test.cc.
TEST_F(RegistryTest, FiltersFindWhatTheEvaluatorFinds) {
  const auto documents = query::case_documents();
  RegistryBatch batch;
  for (std::size_t i = 0; i < documents.size(); ++i) {
    JobRow row = job(std::string(1, static_cast<char>('a' + i)));
    row.created = query::case_created(i);
    row.updated = row.created + 3'600'000;
    row.doc = to_compact_text(documents[i]);
    batch.jobs.push_back(row);
  }
  ASSERT_TRUE(write(batch));
  for (const auto& wanted : query::filter_cases()) {
    ListQuery query = filtered(wanted.filter);
    query.sort = *query::parse_sort("job_id", api::teraslice::job_fields());
    const auto found = registry_->jobs(query);
    ASSERT_TRUE(found) << wanted.filter << ": " << found.error().message;
    std::string text;
    for (const auto& row : *found) text += row.job_id.text;
    EXPECT_EQ(text, wanted.found) << wanted.filter;
  }
}

TEST_F(RegistryTest, AFilterOfAllLengthsIsAnswered) {
  std::string text = "workers:(1";
  for (int i = 2; i <= 128; ++i) text += " OR " + std::to_string(i);
  EXPECT_TRUE(registry_->jobs(filtered(text + ")")));
  text = "a*";
  for (int i = 2; i <= 128; ++i) text += " a*";
  EXPECT_TRUE(registry_->jobs(filtered(text)));
}

TEST_F(RegistryTest, ListsFollowEveryChangeOfAnExecution) {
  RegistryBatch batch;
  batch.executions.push_back(execution("e1", "j1"));
  ASSERT_TRUE(write(batch));
  RegistryBatch change;
  change.states.push_back({ExecutionId("e1"), ExecutionStatus::failed, "Slice TIMEOUT", true, 1, "", 1, 15'000});
  ASSERT_TRUE(write(change));
  auto found = [&](const char* text, bool deleted = false) {
    ListQuery query;
    query.filter = *api::teraslice::parse_filter(text, api::teraslice::execution_fields(), 0);
    query.deleted = deleted;
    return ids(registry_->executions(query));
  };
  EXPECT_THAT(found("_status:failed AND _has_errors:true AND _failureReason:timeout AND _updated:15000"),
              ElementsAre("e1"));
  EXPECT_THAT(found("_status:pending"), ElementsAre());
  EXPECT_THAT(found("job_id:j1 AND ex_id:e1"), ElementsAre("e1"));
  RegistryBatch deletion;
  deletion.deleted_executions_of.push_back({JobId("j1"), 19'000});
  ASSERT_TRUE(write(deletion));
  EXPECT_THAT(found("*"), ElementsAre());
  EXPECT_THAT(found("_deleted:true AND _deleted_on:19000 AND _updated:19000", true), ElementsAre("e1"));
}

// New rows with sequence numbers in any order, replaced and deleted ones, texts that grow and shrink.
TEST_F(RegistryTest, ListsFollowChangesInAnyOrder) {
  std::mt19937 random(7);
  std::vector<std::int64_t> seqs;
  for (int i = 0; i < 40; ++i) seqs.push_back(registry_->new_job_seq());
  std::ranges::shuffle(seqs, random);
  std::map<std::int64_t, JobRow> rows;
  const std::string filters[] = {"*", "name:(r1* OR r?7)", "workers:>4 AND NOT name:a",
                                 "_exists_:max_retries OR lifecycle:once OR name:/r[0-9]*5/"};
  for (int round = 0; round < 200; ++round) {
    JobRow row = job("j" + std::to_string(seqs[static_cast<std::size_t>(round) % seqs.size()]), 1'000 + round % 9);
    row.seq = seqs[static_cast<std::size_t>(round) % seqs.size()];
    const auto former = rows.find(row.seq);  // what was deleted stays so
    row.deleted = random() % 8 == 0 || (former != rows.end() && former->second.deleted);
    Json document = {{"name", std::string(random() % 9'000, 'a') + " r" + std::to_string(round)},
                     {"workers", random() % 9}};
    row.name = document["name"].get<std::string>();
    if (random() % 2 == 0) document["max_retries"] = random() % 3;
    if (random() % 2 == 0) document["lifecycle"] = "once";
    row.doc = to_compact_text(document);
    rows.insert_or_assign(row.seq, row);
    RegistryBatch batch;
    batch.jobs.push_back(std::move(row));
    ASSERT_TRUE(write(std::move(batch)));

    ListQuery query = filtered(filters[round % 4]);
    query.sort = *query::parse_sort("max_retries:desc,workers:asc", api::teraslice::job_fields());
    const std::int64_t from = round % 5;
    query.window = PageWindow{from, 10};
    std::vector<std::pair<std::vector<query::Value>, const JobRow*>> found;
    for (const auto& [seq, kept] : rows) {
      const Json shown = *job_document(kept, api::teraslice::job_dialect());
      if (!kept.deleted && query::holds(query.filter->condition, shown))
        found.emplace_back(query::sort_values(query.sort, shown), &kept);
    }
    std::ranges::sort(found, [&](const auto& a, const auto& b) {
      if (query::sorts_before(query.sort, a.first, b.first)) return true;
      if (query::sorts_before(query.sort, b.first, a.first)) return false;
      return a.second->seq > b.second->seq;
    });
    std::vector<std::string> expected;
    for (std::size_t i = static_cast<std::size_t>(from); i < found.size() && expected.size() < 10; ++i)
      expected.push_back(found[i].second->job_id.text);
    ASSERT_EQ(ids(registry_->jobs(query)), expected) << round << " " << filters[round % 4];
  }
}

// What a word finds: by the names of the documents that hold it.
class WordsTest : public RegistryTest {
 protected:
  static ListQuery searched(std::string_view text) {
    ListQuery query;
    query.words = *query::parse_search_words(text);
    return query;
  }

  JobRow document(const std::string& id, const Json& doc) {
    JobRow row = job(id);
    row.doc = to_compact_text(doc);
    return row;
  }

  std::string jobs_with(std::string_view text) {
    ListQuery query = searched(text);
    query.sort = *query::parse_sort("job_id:asc", api::teraslice::job_fields());
    const auto rows = registry_->jobs(query);
    if (!rows) return rows.error().message;
    std::string found;
    for (const auto& row : *rows) found += (found.empty() ? "" : " ") + row.job_id.text;
    return found;
  }
};

TEST_F(WordsTest, WordsAreStemmedAndFoundInNamesLabelsDescriptionsAndOperations) {
  RegistryBatch batch;
  batch.jobs.push_back(document("a", {{"name", "Nightly import of orders"},
                                      {"labels", {{"team", "Café"}, {"tier", 3}}},
                                      {"operations", {{{"_op", "file_reader"}}, {{"_op", "noop"}}}}}));
  batch.jobs.push_back(document("b", {{"name", "import_users v2.5"},
                                      {"description", "Reports what was ordered yesterday"},
                                      {"assets", {"standard:1.0.0"}},
                                      {"operations", {{{"_op", "data_generator"}}}}}));
  batch.jobs.push_back(document("c", {{"name", 7}, {"operations", "none"}, {"labels", Json::array({"orders", 5})}}));
  ASSERT_TRUE(write(batch));
  EXPECT_EQ(jobs_with("imports"), "a b");
  EXPECT_EQ(jobs_with("ORDER"), "a b c");
  EXPECT_EQ(jobs_with("ordering import"), "a b") << "all of the words";
  EXPECT_EQ(jobs_with("import nothing"), "");
  EXPECT_EQ(jobs_with("cafe team"), "a");
  EXPECT_EQ(jobs_with("reporting"), "b");
  EXPECT_EQ(jobs_with("file_reader"), "a");
  EXPECT_EQ(jobs_with("generator"), "b");
  EXPECT_EQ(jobs_with("standard"), "b");
  EXPECT_EQ(jobs_with("v2.5"), "b");
  EXPECT_EQ(jobs_with("\"import of orders\""), "a");
  EXPECT_EQ(jobs_with("\"orders import\""), "");
  EXPECT_EQ(jobs_with("yest*"), "b");
  EXPECT_EQ(jobs_with("yest"), "");
  EXPECT_EQ(jobs_with("import_*"), "a b");
}

TEST_F(WordsTest, OperatorsOfTheIndexAreWordsLikeOthers) {
  RegistryBatch batch;
  batch.jobs.push_back(document("a", {{"name", "near AND far, or not: name"}}));
  batch.jobs.push_back(document("b", {{"name", "far"}}));
  ASSERT_TRUE(write(batch));
  EXPECT_EQ(jobs_with("near AND far"), "a");
  EXPECT_EQ(jobs_with("far OR not"), "a");
  EXPECT_EQ(jobs_with("NOT far"), "a");
  EXPECT_EQ(jobs_with("NEAR(far, 3)"), "");
  EXPECT_EQ(jobs_with("name:far"), "") << "a phrase";
  EXPECT_EQ(jobs_with("{name} : far ^ + -"), "a");
  EXPECT_EQ(jobs_with(std::string_view("far\0not", 7)), "a");
  EXPECT_EQ(jobs_with("far * **"), "a b");
}

TEST_F(WordsTest, WordsFollowEveryChange) {
  RegistryBatch batch;
  batch.jobs.push_back(document("a", {{"name", "first"}}));
  ExecutionRow row = execution("e1", "a");
  row.doc = R"({"name":"first","operations":[{"_op":"noop"}]})";
  batch.executions.push_back(row);
  ASSERT_TRUE(write(batch));
  const auto executions_with = [&](std::string_view text) { return ids(registry_->executions(searched(text))); };
  EXPECT_THAT(executions_with("first noop"), ElementsAre("e1"));

  RegistryBatch change;
  JobRow renamed = document("a", {{"name", "second"}});
  renamed.seq = 1;
  change.jobs.push_back(renamed);
  change.states.push_back({ExecutionId("e1"), ExecutionStatus::failed, "the slices timed out", true, 1, "", 1, 15'000});
  ASSERT_TRUE(write(change));
  EXPECT_EQ(jobs_with("first"), "");
  EXPECT_EQ(jobs_with("second"), "a");
  EXPECT_THAT(executions_with("first time slice"), ElementsAre("e1"));
  RegistryBatch recovered;
  recovered.states.push_back({ExecutionId("e1"), ExecutionStatus::failed, "gone", true, 1, "", 1, 16'000});
  ASSERT_TRUE(write(recovered));
  EXPECT_THAT(executions_with("slice"), ElementsAre());
  EXPECT_THAT(executions_with("first gone"), ElementsAre("e1"));

  RegistryBatch deletion;
  deletion.deleted_jobs.push_back({JobId("a"), 19'000});
  ASSERT_TRUE(write(deletion));
  EXPECT_EQ(jobs_with("second"), "");
  ListQuery deleted = searched("second");
  deleted.deleted = true;
  EXPECT_THAT(ids(registry_->jobs(deleted)), ElementsAre("a"));
  RegistryBatch removal;
  removal.removed.push_back({ExecutionId("e1"), 1, 20'000, {}});
  ASSERT_TRUE(write(removal));
  deleted = searched("first");
  deleted.deleted = true;
  EXPECT_THAT(ids(registry_->executions(deleted)), ElementsAre());
}

TEST_F(WordsTest, ABatchThatFailsLeavesNoWords) {
  RegistryBatch batch;
  batch.jobs.push_back(document("a", {{"name", "kept"}}));
  batch.assets.push_back({"asset", "n", "1.0.0", 1, "{}"});
  ASSERT_TRUE(write(batch));
  RegistryBatch broken;
  broken.jobs.push_back(document("b", {{"name", "lost"}}));
  broken.assets.push_back({"asset", "n", "1.0.0", 1, "{}"});
  EXPECT_FALSE(write(broken));
  EXPECT_EQ(jobs_with("kept"), "a");
  EXPECT_EQ(jobs_with("lost"), "");
}

TEST_F(WordsTest, WordsFilterOrderAndWindowHoldTogetherWithTheTotal) {
  RegistryBatch batch;
  for (int i = 0; i < 40; ++i) {
    JobRow row =
        document("j" + std::to_string(i), {{"name", i % 2 == 0 ? "even jobs" : "odd job"}, {"workers", i % 10}});
    row.active = i % 4 != 0;
    batch.jobs.push_back(row);
  }
  ASSERT_TRUE(write(batch));
  ListQuery query = filtered("workers:>4");
  query.words = *query::parse_search_words("even");
  query.sort = *query::parse_sort("workers:desc,_created:asc", api::teraslice::job_fields());
  query.window = PageWindow{3, 2, true};
  const auto found = registry_->find_now(ListKind::jobs, query);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->window.total, 8);  // workers 6 and 8, four jobs each
  EXPECT_THAT(found->seqs, ElementsAre(9, 37));
  query.active = true;
  EXPECT_EQ(registry_->find_now(ListKind::jobs, query)->window.total, 4);
  query.window = PageWindow{0, 0, true};
  EXPECT_EQ(registry_->find_now(ListKind::jobs, query)->window.total, 4);
  query.window = PageWindow{};
  EXPECT_FALSE(registry_->find_now(ListKind::jobs, query)->window.total);
  query.window = CursorWindow{{}, 3};
  query.sort.clear();
  const auto newest = registry_->find_now(ListKind::jobs, query);
  EXPECT_THAT(newest->seqs, ElementsAre(39, 27, 19));
  query.window = CursorWindow{newest->window.next, 3};
  const auto last = registry_->find_now(ListKind::jobs, query);
  EXPECT_THAT(last->seqs, ElementsAre(7));
  EXPECT_FALSE(last->window.next);
}

// What lives all the time is shown once, whatever comes and goes between the pages.
TEST_F(RegistryTest, PagesOfACursorShowNothingTwiceAndLeaveNothingOut) {
  std::mt19937 random(11);
  std::set<std::int64_t> lasting;
  RegistryBatch batch;
  for (int i = 0; i < 300; ++i) {
    batch.jobs.push_back(job("j" + std::to_string(i), static_cast<WallMs>(random() % 1'000)));
    if (i % 3 != 0) lasting.insert(batch.jobs.back().seq);
  }
  ASSERT_TRUE(write(batch));
  std::vector<std::int64_t> seen;
  std::int64_t deleted = 0;
  ListQuery query;
  for (CursorWindow window{{}, 20};;) {
    query.window = window;
    const auto found = registry_->find_now(ListKind::jobs, query);
    ASSERT_TRUE(found) << found.error().message;
    seen.insert(seen.end(), found->seqs.begin(), found->seqs.end());
    if (!found->window.next) break;
    window.below = found->window.next;
    RegistryBatch change;
    for (int i = 0; i < 15; ++i) change.jobs.push_back(job("n" + std::to_string(registry_->new_job_seq()), 5));
    for (int i = 0; i < 4 && deleted < 300; ++i, deleted += 3)
      change.deleted_jobs.push_back({JobId("j" + std::to_string(deleted)), 9'000});
    ASSERT_TRUE(write(change));
  }
  EXPECT_TRUE(std::ranges::is_sorted(seen, std::greater())) << "newest first";
  EXPECT_EQ(std::ranges::adjacent_find(seen), seen.end()) << "nothing twice";
  for (const std::int64_t seq : lasting) EXPECT_TRUE(std::ranges::binary_search(seen, seq, std::greater())) << seq;
}

TEST_F(WordsTest, AFileOfTheVersionBeforeIsSearchedOnceItsWordsAreRead) {
  for (int first = 0; first < 500; first += 250) {
    RegistryBatch batch;
    for (int i = first; i < first + 250; ++i) {
      batch.jobs.push_back(document("j" + std::to_string(i), {{"name", "orders " + std::to_string(i)}}));
      ExecutionRow row = execution("e" + std::to_string(i), "j" + std::to_string(i));
      row.doc = R"({"name":"orders","operations":[{"_op":"noop"}]})";
      row.reason = i == 77 ? "the disk was full" : "";
      batch.executions.push_back(row);
    }
    ASSERT_TRUE(write(batch));
  }
  registry_.reset();
  {
    auto database = Database::open(path(), Database::Mode::read_write);
    ASSERT_TRUE((*database)->execute(std::string(kUndoWords) + "PRAGMA user_version = 7"));
  }
  open();
  const auto early = registry_->find_now(ListKind::jobs, searched("order"));
  ASSERT_FALSE(early);
  EXPECT_EQ(early.error().code, ErrorCode::unavailable);
  EXPECT_THAT(early.error().message, HasSubstr("1000 of 1000 jobs and executions are left"));
  EXPECT_EQ(registry_->jobs({})->size(), 100u) << "lists without words need none";
  // It ends in between, and a write comes meanwhile; the next one goes on.
  {
    auto database = std::move(*Database::open(path(), Database::Mode::read_write));
    ASSERT_TRUE(database->execute("BEGIN"));
    EXPECT_TRUE(*read_words_on(*database, api::teraslice::job_dialect(), 200));
    ASSERT_TRUE(database->execute("COMMIT"));
  }
  open();
  EXPECT_THAT(registry_->find_now(ListKind::jobs, searched("order")).error().message, HasSubstr("800 of 1000"));
  RegistryBatch change;
  JobRow renamed = document("j450", {{"name", "invoices"}});
  renamed.seq = 451;
  change.jobs.push_back(renamed);
  ASSERT_TRUE(write(change));
  loop_.run_ready();
  ListQuery all = searched("orders");
  all.window = PageWindow{0, 1, true};
  EXPECT_EQ(registry_->find_now(ListKind::jobs, all)->window.total, 499);
  EXPECT_EQ(registry_->find_now(ListKind::executions, all)->window.total, 500);
  EXPECT_EQ(jobs_with("invoice"), "j450");
  {
    auto database = std::move(*Database::open(path(), Database::Mode::read_write));
    EXPECT_FALSE(*make_list_index(*database)) << "all indexes are there";
  }
  EXPECT_THAT(ids(registry_->executions(searched("disk full"))), ElementsAre("e77"));
}

TEST_F(RegistryTest, ListsShowManyWritesAtOnce) {
  loop_.run_ready();
  RegistryBatch batch;
  for (int i = 0; i < 1'700; ++i) batch.jobs.push_back(job("j" + std::to_string(i), i));
  ASSERT_TRUE(write(std::move(batch)));
  ListQuery query;
  query.window = PageWindow{0, 10'000};
  EXPECT_EQ(ids(registry_->jobs(query)).size(), 1'700u);
  query.window = PageWindow{0, 2};
  EXPECT_THAT(ids(registry_->jobs(query)), ElementsAre("j1699", "j1698"));
}

TEST_F(RegistryTest, AFileOfTheVersionBeforeIsIndexedWhenItIsOpened) {
  RegistryBatch batch;
  batch.jobs.push_back(job("j1"));
  batch.executions.push_back(execution("e1", "j1"));
  ASSERT_TRUE(write(batch));
  registry_.reset();
  {
    auto database = Database::open(path(), Database::Mode::read_write);
    ASSERT_TRUE(database);
    std::string sql = std::string(kUndoWords) + kUndoVersions + "PRAGMA user_version = 3;";
    for (const std::string& kind : {std::string("job"), std::string("execution")}) {
      sql += "DROP INDEX " + kind + "_index_stamp; ALTER TABLE " + kind + "_index DROP COLUMN stamp;";
      for (const char* column : {"updated", "created", "name", "lifecycle", "workers", "slicers"})
        sql += "CREATE INDEX " + kind + "_index_" + column + " ON " + kind + "_index (deleted);";
    }
    sql +=
        "CREATE INDEX job_index_job_id ON job_index (job_id); CREATE INDEX execution_index_ex_id ON "
        "execution_index (ex_id); CREATE INDEX execution_index_status ON execution_index (deleted)";
    ASSERT_TRUE((*database)->execute(sql));
  }
  open();
  EXPECT_THAT(ids(registry_->jobs(filtered("job_id:j1"))), ElementsAre("j1"));
  EXPECT_THAT(ids(registry_->executions({})), ElementsAre("e1"));
}

TEST_F(RegistryTest, AnOlderFileIsIndexedWhenItIsOpened) {
  RegistryBatch batch;
  JobRow row = job("j1");
  row.doc = R"({"name":"old one","workers":3})";
  batch.jobs.push_back(row);
  batch.executions.push_back(execution("e1", "j1"));
  ASSERT_TRUE(write(batch));
  registry_.reset();
  {
    auto database = Database::open(path(), Database::Mode::read_write);
    ASSERT_TRUE(database);
    ASSERT_TRUE((*database)->execute(std::string(kUndoWords) + kUndoVersions +
                                     "DROP TABLE job_index; DROP TABLE execution_index; DROP TABLE assets; "
                                     "CREATE INDEX jobs_updated ON jobs (updated); "
                                     "CREATE INDEX jobs_created ON jobs (created); "
                                     "CREATE INDEX jobs_name ON jobs (name); "
                                     "CREATE INDEX executions_updated ON executions (updated); "
                                     "CREATE INDEX executions_created ON executions (created); "
                                     "CREATE INDEX executions_name ON executions (name); "
                                     "PRAGMA user_version = 1"));
  }
  open();
  EXPECT_THAT(ids(registry_->jobs(filtered("name:OLD AND workers:3"))), ElementsAre("j1"));
  EXPECT_THAT(ids(registry_->executions({})), ElementsAre("e1"));
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
  query.statuses = {ExecutionStatus::running, ExecutionStatus::failed};
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

TEST_F(RegistryTest, ExecutionsKeepTheirJobInCanonicalForm) {
  RegistryBatch batch;
  JobRow posted = job("j1");
  posted.dialect = "d";
  batch.jobs.push_back(posted);
  ExecutionRow row = execution("e1", "j1");
  row.doc = R"({"name":"of the document","operations":[{"_op":"noop"}]})";
  row.spec = to_compact_text(to_json(JobSpec{.dialect = "d", .name = "of the spec"}));
  batch.executions.push_back(row);
  row.ex_id = ExecutionId("e2");
  row.seq = registry_->new_execution_seq();
  row.spec.clear();  // as an earlier version left it
  batch.executions.push_back(row);
  ASSERT_TRUE(write(batch));
  EXPECT_EQ((*registry_->job(JobId("j1")))->dialect, "d");
  const auto name_of = [&](const char* id) {
    return spec_of(*registry_, **registry_->execution(ExecutionId(id)))->name;
  };
  EXPECT_EQ(name_of("e1"), "of the spec");
  EXPECT_EQ(name_of("e2"), "of the document");
  RegistryBatch removal;
  removal.removed.push_back({ExecutionId("e1"), (*registry_->execution(ExecutionId("e1")))->seq, 1, {}});
  ASSERT_TRUE(write(removal));
  EXPECT_EQ(*registry_->execution_spec(ExecutionId("e1")), "");
}

TEST_F(RegistryTest, AnOlderFileTellsByItsHistoryWhichLedgersWereMadeAndByItsSourcesWhichBelongTogether) {
  RegistryBatch batch;
  for (const char* id : {"first", "second", "third", "never", "deleted"}) {
    ExecutionRow row = execution(id, std::string(id) == "deleted" ? "j2" : "j1");
    if (row.ex_id.text == "second") row.source_ledger = ExecutionId("first");
    if (row.ex_id.text == "third") row.source_ledger = ExecutionId("second");
    row.deleted = row.ex_id.text == "deleted";
    batch.executions.push_back(row);
    const bool ran = row.ex_id.text != "never";
    batch.history.push_back({row.ex_id, 1, "initializing", "slicer_ready", ran ? "running" : "failed", ""});
  }
  ASSERT_TRUE(write(batch));
  registry_.reset();
  {
    auto database = Database::open(path(), Database::Mode::read_write);
    ASSERT_TRUE(database);
    ASSERT_TRUE((*database)->execute(std::string(kUndoWords) + kUndoVersions + "PRAGMA user_version = 4"));
  }
  open();
  std::map<std::string, std::pair<bool, std::string>> found;
  for (const char* id : {"first", "second", "third", "never", "deleted"}) {
    const auto row = registry_->execution(ExecutionId(id));
    ASSERT_TRUE(row && *row) << id;
    found[id] = {(*row)->has_ledger, (*row)->lineage.text};
    EXPECT_TRUE((*row)->owns_staging);
  }
  const std::map<std::string, std::pair<bool, std::string>> wanted = {{"first", {true, "first"}},
                                                                      {"second", {true, "first"}},
                                                                      {"third", {true, "first"}},
                                                                      {"never", {false, "never"}},
                                                                      {"deleted", {false, "deleted"}}};
  EXPECT_EQ(found, wanted);
}

TEST_F(RegistryTest, ALedgerIsNotedDurably) {
  RegistryBatch batch;
  batch.executions.push_back(execution("e1", "j1"));
  ASSERT_TRUE(write(batch));
  EXPECT_FALSE((*registry_->execution(ExecutionId("e1")))->has_ledger);
  RegistryBatch made;
  made.ledgers_made.emplace_back("e1");
  ASSERT_TRUE(write(made));
  open();
  EXPECT_TRUE((*registry_->execution(ExecutionId("e1")))->has_ledger);
}

TEST_F(RegistryTest, ARemovedExecutionLeavesListsAndHistoryAndIsRemembered) {
  RegistryBatch batch;
  for (int i = 0; i < 4; ++i) {
    ExecutionRow row = execution("e" + std::to_string(i), "j1", 1'000 + i);
    row.status = ExecutionStatus::completed;
    row.lineage = ExecutionId(i < 2 ? "e0" : row.ex_id.text);
    if (i == 1) row.source_ledger = ExecutionId("e0");
    row.has_ledger = true;
    batch.executions.push_back(row);
    batch.history.push_back({row.ex_id, 1, "", "created", "pending", ""});
  }
  ASSERT_TRUE(write(batch));
  EXPECT_EQ(registry_->executions({})->size(), 4u);
  RegistryBatch removal;
  removal.removed.push_back({ExecutionId("e1"), 2, 7'000, {"/out/.slicemill/e0"}});
  removal.removed.push_back({ExecutionId("e3"), 4, 7'000, {"/a/.slicemill/e0.x", "/b/.slicemill/e0.y"}});
  ASSERT_TRUE(write(removal));
  EXPECT_THAT(ids(registry_->executions({})), ElementsAre("e2", "e0"));
  ListQuery by_name;
  by_name.sort = *query::parse_sort("name:asc", api::teraslice::execution_fields());
  EXPECT_EQ(registry_->executions(by_name)->size(), 2u);
  EXPECT_TRUE(registry_->history(ExecutionId("e1"))->empty());
  EXPECT_FALSE(*registry_->execution(ExecutionId("e1")));
  EXPECT_EQ((*registry_->latest_removed(JobId("j1")))->ex_id.text, "e3");
  const auto removed = registry_->removed(ExecutionId("e1"));
  ASSERT_TRUE(removed && *removed);
  EXPECT_EQ(**removed, (RemovedRow{ExecutionId("e1"), 2, JobId("j1"), ExecutionId("e0"), ExecutionId("e0"), true, 7'000,
                                   std::vector<std::string>{"/out/.slicemill/e0"}, false}));
  EXPECT_THAT((*registry_->removed(ExecutionId("e3")))->staging,
              ElementsAre("/a/.slicemill/e0.x", "/b/.slicemill/e0.y"));
  const auto recoveries = registry_->recoveries_of(JobId("j1"));
  ASSERT_TRUE(recoveries);
  ASSERT_EQ(recoveries->size(), 1u);
  EXPECT_TRUE(recoveries->at(0).removed);
  EXPECT_EQ(registry_->unfreed()->size(), 2u);
  RegistryBatch freed;
  freed.freed.emplace_back("e1");
  ASSERT_TRUE(write(freed));
  EXPECT_EQ(registry_->unfreed()->size(), 1u);

  // Changes that come after it are seen, also those of the very first row after the last.
  RegistryBatch later;
  later.states.push_back({ExecutionId("e0"), ExecutionStatus::failed, "why", true, 0, "", 1, 9'000});
  ASSERT_TRUE(write(later));
  EXPECT_THAT(ids(registry_->executions({})), ElementsAre("e0", "e2"));
  RegistryBatch all;
  all.removed.push_back({ExecutionId("e0"), 1, 8'000, {}});
  all.removed.push_back({ExecutionId("e2"), 3, 8'000, {}});
  ASSERT_TRUE(write(all));
  EXPECT_TRUE(registry_->executions({})->empty());
  EXPECT_EQ(registry_->new_execution_seq(), 5);
  RegistryBatch fresh;
  ExecutionRow row = execution("e5", "j1");
  fresh.executions.push_back(row);
  ASSERT_TRUE(write(fresh));
  EXPECT_THAT(ids(registry_->executions({})), ElementsAre("e5"));
  open();
  EXPECT_THAT(ids(registry_->executions({})), ElementsAre("e5"));
  EXPECT_EQ(registry_->new_execution_seq(), 7);
}

TEST_F(RegistryTest, TheOldestOutliveTheLimitsAndTheNewestOfAJobDoesNot) {
  RegistryBatch batch;
  for (int i = 0; i < 6; ++i) {
    ExecutionRow row = execution("e" + std::to_string(i), i < 4 ? "j1" : "j2", 1'000 * (i + 1));
    row.status = i == 3 ? ExecutionStatus::running : ExecutionStatus::completed;
    batch.executions.push_back(row);
  }
  ASSERT_TRUE(write(batch));
  const auto outlived = [&](const RetentionLimits& limits, WallMs now, std::int64_t most = 10) {
    std::vector<std::string> found;
    registry_->find_outlived(limits, now, most, [&](const Result<std::vector<ExecutionId>>& ids) {
      ASSERT_TRUE(ids) << ids.error().message;
      for (const auto& id : *ids) found.push_back(id.text);
    });
    loop_.run_ready();
    return found;
  };
  EXPECT_THAT(outlived({.age_ms = 1'000}, 3'500), ElementsAre("e0", "e1"));
  EXPECT_THAT(outlived({.age_ms = 1'000}, 100'000), ElementsAre("e0", "e1", "e2", "e4"));
  EXPECT_THAT(outlived({.age_ms = 1'000}, 100'000, 2), ElementsAre("e0", "e1"));
  EXPECT_THAT(outlived({.count = 1}, 0), ElementsAre("e0", "e1", "e4"));
  EXPECT_THAT(outlived({.count = 2}, 0), ElementsAre("e0"));
  EXPECT_THAT(outlived({.deleted_age_ms = 1'000}, 100'000), ElementsAre());
  RegistryBatch deletion;
  deletion.deleted_executions_of.push_back({JobId("j2"), 9'000});
  ASSERT_TRUE(write(deletion));
  EXPECT_THAT(outlived({.deleted_age_ms = 1'000}, 9'500), ElementsAre());
  EXPECT_THAT(outlived({.deleted_age_ms = 1'000}, 10'500), ElementsAre("e4", "e5"));
}

TEST_F(RegistryTest, AForeignFileIsRefused) {
  const std::string other = directory_.path() + "/other.sqlite";
  std::ofstream(other) << "this is no database, but long enough to have a header of one hundred bytes, so that SQLite "
                          "looks at it closely";
  const auto opened = Registry::open(loop_, other, api::teraslice::job_dialect());
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
  const auto opened = Registry::open(loop_, path(), api::teraslice::job_dialect());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::unsupported);
  EXPECT_THAT(opened.error().message, HasSubstr("999"));
}

TEST_F(RegistryTest, AMissingDirectoryIsAnErrorWithThePath) {
  const auto opened = Registry::open(loop_, directory_.path() + "/none/registry.sqlite", api::teraslice::job_dialect());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::io);
  EXPECT_THAT(opened.error().message, HasSubstr("/none/registry.sqlite"));
}

}  // namespace
}  // namespace slicemill::master
