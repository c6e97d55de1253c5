#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <fstream>

#include <iterator>
#include <map>

#include "tests/core/ledger/ledger_fixture.h"

namespace slicemill {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class LedgerOpeningTest : public LedgerFixture {};

TEST_F(LedgerOpeningTest, ANewLedgerSaysWhatItWasGiven) {
  EXPECT_FALSE(ledger_exists(directory_));
  create(7);
  EXPECT_TRUE(ledger_exists(directory_));
  EXPECT_FALSE(std::filesystem::exists(directory_ + ".tmp"));
  const LedgerHeader& header = ledger_->header();
  EXPECT_THAT(header.lineage, ElementsAre("ex-0"));
  EXPECT_EQ(header.execution, R"({"job":"test"})");
  EXPECT_EQ(header.epoch, 7U);
  EXPECT_EQ(header.generation(), 0);
  EXPECT_EQ(header.created_ms, loop_.wall_ms());
  EXPECT_EQ(header.counters, SliceCounters{});
  EXPECT_EQ(header.wanted, WantedState::running);
  EXPECT_THAT(header.positions, IsEmpty());
  EXPECT_FALSE(header.recovered || header.joined || header.outcome);
  EXPECT_THAT(open_slices(), IsEmpty());
  EXPECT_EQ(ledger_->backlog(), 0U);
}

TEST_F(LedgerOpeningTest, PreparationIsSilentAndLeavesNothingOnDisk) {
  testing::internal::CaptureStderr();
  prepare_for_ledgers();
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_FALSE(std::filesystem::exists("/rehearsal"));
  create();
  EXPECT_TRUE(ledger_exists(directory_));
}

TEST_F(LedgerOpeningTest, CreatesMissingParents) {
  directory_ = root_ + "/a/b/ledger";
  create();
  EXPECT_TRUE(ledger_exists(directory_));
}

TEST_F(LedgerOpeningTest, DoesNotCreateOverALedger) {
  create();
  const auto second = create_ledger(loop_, directory_, creation());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::conflict);
  EXPECT_THAT(second.error().message, HasSubstr(directory_));
}

// Half made, it looks like what a crash has left: who removed it would take it from its maker.
TEST_F(LedgerOpeningTest, TouchesNothingOfALedgerThatSomebodyElseMakes) {
  std::filesystem::create_directories(directory_);
  std::filesystem::create_directories(directory_ + ".tmp");
  std::ofstream(directory_ + "/CURRENT") << "half";
  const int maker = open(directory_.c_str(), O_RDONLY | O_DIRECTORY);
  ASSERT_EQ(flock(maker, LOCK_EX), 0);
  const auto second = create_ledger(loop_, directory_, creation());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::conflict);
  EXPECT_THAT(second.error().message, HasSubstr("another process is making it"));
  EXPECT_TRUE(std::filesystem::exists(directory_ + "/CURRENT"));
  EXPECT_TRUE(std::filesystem::exists(directory_ + ".tmp"));
  close(maker);  // it died
  EXPECT_TRUE(create_ledger(loop_, directory_, creation()));
}

TEST_F(LedgerOpeningTest, DoesNotCreateOverForeignFiles) {
  std::filesystem::create_directories(directory_);
  std::ofstream(directory_ + "/precious") << "x";
  const auto created = create_ledger(loop_, directory_, creation());
  ASSERT_FALSE(created);
  EXPECT_TRUE(std::filesystem::exists(directory_ + "/precious"));
}

TEST_F(LedgerOpeningTest, CreatesIntoAnEmptyDirectory) {
  std::filesystem::create_directories(directory_);
  create();
}

TEST_F(LedgerOpeningTest, CreatesAfterACreationThatCrashed) {
  std::filesystem::create_directories(directory_ + ".tmp/lost");
  std::ofstream(directory_ + ".tmp/CURRENT") << "half";
  create();
  EXPECT_FALSE(std::filesystem::exists(directory_ + ".tmp"));
}

TEST_F(LedgerOpeningTest, ALedgerThatDidNotGrowToItsEndIsNone) {
  create();
  ledger_.reset();
  std::filesystem::create_directories(directory_ + ".tmp");
  EXPECT_FALSE(ledger_exists(directory_));
  EXPECT_EQ(open_ledger(loop_, directory_, 9).error().code, ErrorCode::not_found);
  EXPECT_EQ(view_ledger(directory_).error().code, ErrorCode::not_found);
  create(3);
  EXPECT_EQ(ledger_->header().epoch, 3U) << "a new one";
  EXPECT_FALSE(std::filesystem::exists(directory_ + ".tmp"));
}

TEST_F(LedgerOpeningTest, NothingToOpenIsNotFound) {
  const auto opened = open_ledger(loop_, directory_, 1);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::not_found);
  EXPECT_THAT(opened.error().message, HasSubstr(directory_));
  EXPECT_EQ(view_ledger(directory_).error().code, ErrorCode::not_found);
  EXPECT_FALSE(std::filesystem::exists(directory_));
}

TEST_F(LedgerOpeningTest, RefusesAnEpochThatIsNotAboveItsOwn) {
  create(5);
  ledger_.reset();
  for (const std::uint64_t epoch : {1U, 5U}) {
    const auto opened = open_ledger(loop_, directory_, epoch);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::conflict);
    EXPECT_THAT(opened.error().message,
                AllOf(HasSubstr("epoch " + std::to_string(epoch)), HasSubstr("above 5"), HasSubstr(directory_)));
  }
  take(open_ledger(loop_, directory_, 9));
  ledger_.reset();  // the epoch was synced before the opening returned
  EXPECT_FALSE(open_ledger(loop_, directory_, 9));
  take(open_ledger_next_epoch(loop_, directory_));
  EXPECT_EQ(ledger_->header().epoch, 10U);
}

TEST_F(LedgerOpeningTest, IsHeldByOneOpenerAtATime) {
  create();
  for (const auto& error : {open_ledger(loop_, directory_, 9).error(),
                            open_ledger_next_epoch(loop_, directory_).error(), view_ledger(directory_).error()}) {
    EXPECT_EQ(error.code, ErrorCode::conflict);
    EXPECT_THAT(error.message, AllOf(HasSubstr(directory_), HasSubstr("in use by another process")));
  }
  ledger_.reset();
  const auto view = view_ledger(directory_);
  ASSERT_TRUE(view) << view.error().message;
  EXPECT_EQ(open_ledger(loop_, directory_, 9).error().code, ErrorCode::conflict);
}

TEST_F(LedgerOpeningTest, ADirectoryWithoutPermissionIsAnIoError) {
  if (geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  std::filesystem::create_directories(root_ + "/closed");
  std::filesystem::permissions(root_ + "/closed",
                               std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
  const auto created = create_ledger(loop_, root_ + "/closed/ledger", creation());
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().code, ErrorCode::io);
  EXPECT_THAT(created.error().message, HasSubstr(root_ + "/closed"));
}

// ---- views ----------------------------------------------------------------------------------------------------------

std::map<std::string, std::string> contents(const std::string& directory) {
  std::map<std::string, std::string> result;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    std::ifstream file(entry.path(), std::ios::binary);
    result[entry.path().filename()] = {std::istreambuf_iterator<char>(file), {}};
  }
  return result;
}

TEST_F(LedgerOpeningTest, AViewShowsAndChangesNothing) {
  create(3);
  LedgerBatch batch;
  batch.created = {ids(1, 10)};
  batch.settled = {key(1), key(2)};
  batch.rows = {row(key(2), SliceState::error, 5), row(key(3), SliceState::start, 5)};
  batch.committed = {output(key(1))};
  batch.counters = SliceCounters{.processed = 2};
  write(batch);
  for (const bool clean : {false, true}) {  // with a log to replay, and without
    if (clean) end();
    ledger_.reset();
    const auto before = contents(directory_);
    {
      const auto view = view_ledger(directory_);
      ASSERT_TRUE(view) << view.error().message;
      EXPECT_EQ((*view)->header().epoch, 3U + (clean ? 1 : 0));
      EXPECT_EQ((*view)->header().counters.processed, 2U);
      EXPECT_EQ((*view)->header().outcome.has_value(), clean);
      EXPECT_EQ((*view)->errors(0, 10)->size(), 1U);
      const auto counts = (*view)->open_counts();
      EXPECT_EQ(counts->error, 1U);
      EXPECT_EQ(counts->start, 1U);
      EXPECT_EQ(counts->pending, 7U);
      int outputs = 0;
      EXPECT_TRUE((*view)->for_each_output([&](const CommittedOutput&) {
        ++outputs;
        return Result<void>();
      }));
      EXPECT_EQ(outputs, 1);
    }
    EXPECT_EQ(contents(directory_), before);
    if (!clean) take(open_ledger(loop_, directory_, 4));  // the view took no epoch
  }
}

}  // namespace
}  // namespace slicemill
