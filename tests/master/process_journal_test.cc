// What the registry knows of processes when it cannot be written for a while, and how the registry tells of that.
#include "master/processes/process_journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "api/dialects/teraslice/teraslice_documents.h"
#include "core/runtime/fault.h"
#include "tests/fakes/manual_loop.h"
#include "tests/master/temp_directory.h"

namespace slicemill::master {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

class FullDiskTest : public ::testing::Test {
 protected:
  FullDiskTest() {
    set_fault_handler([this](std::string_view point) -> Result<void> {
      if (point != "registry.commit") return {};
      ++commits_;
      if (full_) return errno_error(ENOSPC, "cannot write", "registry");
      return {};
    });
    registry_ = *Registry::open(loop_, directory_.path() + "/registry.sqlite", api::teraslice::job_dialect());
  }
  ~FullDiskTest() override { set_fault_handler(nullptr); }

  static ProcessRow process(int pid) {
    ProcessRow row;
    row.ex_id = ExecutionId("ex");
    row.job_id = JobId("job");
    row.process.pid = pid;
    row.process.boot_id = "boot";
    row.worker_id = WorkerId("worker-" + std::to_string(pid));
    return row;
  }
  std::vector<int> noted() {
    std::vector<int> pids;
    for (const auto& row : *registry_->processes()) pids.push_back(static_cast<int>(row.process.pid));
    return pids;
  }
  void pass(Duration time) {
    loop_.advance(time);
    loop_.run_ready();
  }

  TempDirectory directory_;
  ManualLoop loop_;
  bool full_ = false;
  int commits_ = 0;
  std::unique_ptr<Registry> registry_;
};

using ProcessJournalTest = FullDiskTest;

TEST_F(ProcessJournalTest, AreWrittenOnceTheRegistryCanBeWritten) {
  ProcessJournal notes(loop_, *registry_);
  notes.started(process(1));
  loop_.run_ready();
  EXPECT_THAT(noted(), UnorderedElementsAre(1));

  full_ = true;
  notes.started(process(2));
  loop_.run_ready();
  notes.started(process(3));
  notes.gone(process(1).process);
  notes.gone(process(2).process);  // its row waits and must not come back from the dead
  for (int turn = 0; turn < 5; ++turn) pass(1s);
  EXPECT_THAT(noted(), UnorderedElementsAre(1));

  full_ = false;
  for (int turn = 0; turn < 3; ++turn) pass(1s);
  EXPECT_THAT(noted(), UnorderedElementsAre(3));
}

TEST_F(ProcessJournalTest, OneWriteIsUnderWayAtMost) {
  ProcessJournal notes(loop_, *registry_);
  const int before = commits_;
  for (int pid = 1; pid <= 50; ++pid) notes.started(process(pid));
  loop_.run_ready();
  EXPECT_EQ(noted().size(), 50U);
  EXPECT_EQ(commits_, before + 2) << "the first one, and all that came meanwhile";
}

using RegistryObstacleTest = FullDiskTest;

TEST_F(RegistryObstacleTest, IsThereFromTheFirstFailureToTheFirstSuccess) {
  const auto write = [&](RegistryBatch batch) {
    std::optional<Result<void>> answer;
    registry_->write(std::move(batch), [&](const Result<void>& result) { answer = result; });
    loop_.run_ready();
    return answer.value();
  };
  RegistryBatch batch;
  batch.processes = {process(1)};
  EXPECT_TRUE(write(batch));
  EXPECT_FALSE(registry_->obstacle());

  full_ = true;
  batch.processes = {process(2)};
  const auto refused = write(batch);
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().obstacle);
  ASSERT_TRUE(registry_->obstacle());
  EXPECT_THAT(registry_->obstacle()->message, HasSubstr("No space left on device"));

  const int before = commits_;
  for (int turn = 0; turn < 3; ++turn) pass(1s);
  EXPECT_EQ(commits_, before + 3) << "it is tried out each second";
  EXPECT_TRUE(registry_->obstacle());

  full_ = false;
  pass(1s);
  EXPECT_FALSE(registry_->obstacle()) << "without anybody writing";
  EXPECT_THAT(noted(), UnorderedElementsAre(1)) << "what was refused stays refused";
  const int after = commits_;
  for (int turn = 0; turn < 3; ++turn) pass(1s);
  EXPECT_EQ(commits_, after) << "and then it is left alone";
}

TEST_F(RegistryObstacleTest, AWriteThatIsWrongItselfIsNone) {
  const auto write = [&](AssetRow asset) {
    RegistryBatch batch;
    batch.assets = {std::move(asset)};
    std::optional<Result<void>> answer;
    registry_->write(std::move(batch), [&](const Result<void>& result) { answer = result; });
    loop_.run_ready();
    return answer.value();
  };
  EXPECT_TRUE(write({"id", "name", "1.0.0", 1, "{}"}));
  full_ = true;
  ASSERT_FALSE(write({"id2", "name", "1.0.1", 1, "{}"}));
  ASSERT_TRUE(registry_->obstacle());
  full_ = false;
  const auto conflict = write({"id", "name", "1.0.0", 1, "{}"});
  ASSERT_FALSE(conflict);
  EXPECT_EQ(conflict.error().code, ErrorCode::conflict);
  EXPECT_FALSE(registry_->obstacle()) << "it says that the file can be written";
}

}  // namespace
}  // namespace slicemill::master
