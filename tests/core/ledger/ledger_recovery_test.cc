#include <sys/stat.h>

#include <map>

#include "tests/core/ledger/ledger_fixture.h"

namespace slicemill {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

class LedgerRecoveryTest : public LedgerFixture {
 protected:
  // A recovery of `source` in a directory of its own, which becomes directory_.
  Result<std::unique_ptr<SliceLedger>> recover(std::string source, const std::string& ex_id, std::uint64_t epoch,
                                               CleanupType cleanup = CleanupType::none) {
    ledger_.reset();
    directory_ = root_ + "/" + ex_id;
    return recover_ledger(loop_, directory_, {source, ex_id, R"({"job":"again"})", cleanup, epoch});
  }

  // 1..10: 1, 2, 3 done, 4 an error, 5 in flight at the stop, the rest open; the slicer goes on after 10.
  void make_source(std::uint64_t epoch = 1) {
    create(epoch);
    LedgerBatch batch;
    batch.created = {ids(1, 10)};
    batch.positions[0] = {"10", false, 10};
    batch.settled = {key(1), key(2), key(3), key(4)};
    batch.committed = {output(key(1)), output(key(2))};
    batch.rows = {row(key(4), SliceState::error, 1), row(key(5), SliceState::start, 2)};
    batch.counters = SliceCounters{.processed = 4, .failed = 1};
    batch.wanted = WantedState::stopping;
    batch.joined = JoinRecord{{true, 1, 2, 3, 4}, false};
    write(batch);
    end();
  }
};

TEST_F(LedgerRecoveryTest, GoesOnWithWhatIsOpen) {
  make_source();
  take(recover(directory_, "ex-1", 2, CleanupType::errors));
  const LedgerHeader& header = ledger_->header();
  EXPECT_THAT(header.lineage, ElementsAre("ex-0", "ex-1"));
  EXPECT_EQ(header.generation(), 1);
  EXPECT_EQ(header.execution, R"({"job":"again"})");
  EXPECT_EQ(header.cleanup, CleanupType::errors);
  EXPECT_TRUE(header.recovered);
  EXPECT_EQ(header.epoch, 2U);
  EXPECT_EQ(header.counters, SliceCounters{});
  EXPECT_EQ(header.wanted, WantedState::running);
  EXPECT_FALSE(header.joined || header.outcome);
  EXPECT_THAT(header.positions, ElementsAre(Pair(0U, SlicerPosition{"10", false, 0})));
  EXPECT_THAT(open_slices(), ElementsAre("0/0/6", "0/0/7", "0/0/8", "0/0/9", "0/0/10"));
  EXPECT_THAT(*ledger_->rows({}, 10),
              ElementsAre(row(key(4), SliceState::error, 1), row(key(5), SliceState::start, 2)));
  EXPECT_EQ(ledger_->open_counts()->error, 1U);
  EXPECT_EQ(ledger_->open_counts()->start, 1U);
  EXPECT_EQ(ledger_->open_counts()->pending, 5U);
  EXPECT_FALSE(std::filesystem::exists(directory_ + ".tmp"));
}

TEST_F(LedgerRecoveryTest, KeepsTheRemarksThatAreRefuted) {
  create();
  EXPECT_TRUE(ledger_->header().remarks.empty());
  LedgerBatch batch;
  batch.remarks = Remarks{{"a stands", false}, {"b is refuted", true}};
  write(batch);
  reopen();
  EXPECT_THAT(ledger_->header().remarks, ElementsAre(Pair("a stands", false), Pair("b is refuted", true)));
  end();
  take(recover(directory_, "ex-1", 9));
  EXPECT_THAT(ledger_->header().remarks, ElementsAre(Pair("b is refuted", true)));
}

TEST_F(LedgerRecoveryTest, WhatIsDoneOfTheSourceGoesOnAndTheRestBeginsAnew) {
  create();
  LedgerBatch batch;
  batch.figures = LedgerFigures{.completed_extent = 70,
                                .failed_extent = 10,
                                .source_extents = {{0, 100}},
                                .slices = 7,
                                .measured_slices = 1,
                                .operations = {{.records = 7}}};
  batch.notices = {"left out 1 pipe"};
  write(batch);
  reopen();
  EXPECT_EQ(ledger_->header().figures, *batch.figures);
  EXPECT_THAT(ledger_->header().notices, ElementsAre("left out 1 pipe"));
  end();
  take(recover(directory_, "ex-1", 9));
  EXPECT_EQ(ledger_->header().figures, (LedgerFigures{.completed_extent = 70, .source_extents = {{0, 100}}}));
  EXPECT_TRUE(ledger_->header().notices.empty());
}

TEST_F(LedgerRecoveryTest, TheSourceCanBeRecoveredAgain) {
  make_source();
  const std::string source = directory_;
  for (const std::string ex_id : {"ex-1", "ex-2"}) {
    take(recover(source, ex_id, 5));
    EXPECT_EQ(open_slices().size(), 5U);
    LedgerBatch batch;  // settling here settles nothing there
    for (std::uint64_t order = 5; order <= 10; ++order) batch.settled.push_back(key(order));
    batch.erased_rows = {key(5)};
    write(batch);
    end(ExecutionStatus::completed);
  }
  const auto view = view_ledger(source);
  ASSERT_TRUE(view) << view.error().message;
  EXPECT_EQ((*view)->header().epoch, 1U);
  EXPECT_THAT((*view)->header().lineage, ElementsAre("ex-0"));
  EXPECT_EQ((*view)->header().counters.processed, 4U);
  EXPECT_EQ((*view)->header().outcome->status, ExecutionStatus::stopped);
  EXPECT_TRUE((*view)->header().joined);
  EXPECT_EQ((*view)->open_counts()->pending, 5U);
  EXPECT_EQ((*view)->open_counts()->start, 1U);
}

TEST_F(LedgerRecoveryTest, ThreeGenerationsKeepEverySlice) {
  make_source();
  for (std::uint16_t generation = 1; generation <= 3; ++generation) {
    take(recover(directory_, "ex-" + std::to_string(generation), 1 + generation));
    EXPECT_EQ(ledger_->header().generation(), generation);
    EXPECT_EQ(ledger_->header().positions.at(0).highest_order, 0U);
    LedgerBatch batch;  // one old slice is done, three new ones are created, one of them fails, one is done
    batch.settled = {key(5 + generation), key(2, 0, generation), key(3, 0, generation)};
    batch.created = {ids(1, 3, 0, generation)};
    batch.rows = {row(key(2, 0, generation), SliceState::error, 10 + generation)};
    batch.positions[0] = {std::to_string(10 + 3 * generation), generation == 3, 3};
    write(batch);
    end();
  }
  take(recover(directory_, "ex-4", 9));
  EXPECT_THAT(ledger_->header().lineage, ElementsAre("ex-0", "ex-1", "ex-2", "ex-3", "ex-4"));
  EXPECT_EQ(ledger_->header().positions.at(0), (SlicerPosition{"19", true, 0}));
  EXPECT_THAT(open_slices(), ElementsAre("0/0/9", "0/0/10", "1/0/1", "2/0/1", "3/0/1"));
  std::vector<std::string> errors;
  for (const OpenRow& open : *ledger_->errors(0, 10)) errors.push_back(name(open.key));
  EXPECT_THAT(errors, ElementsAre("3/0/2", "2/0/2", "1/0/2", "0/0/4"));
}

TEST_F(LedgerRecoveryTest, ASourceThatCrashedAfterItsOutcomeIsRecovered) {
  create();
  LedgerBatch batch;
  batch.created = {ids(1, 10)};
  batch.outcome = LedgerOutcome{ExecutionStatus::failed, "", 1};
  write(batch);
  ledger_.reset();  // no close: everything is in the log
  take(recover(directory_, "ex-1", 2));
  EXPECT_EQ(open_slices().size(), 10U);
}

TEST_F(LedgerRecoveryTest, I6_ASourceWhoseControllerWasGivenUpHasNoOutcomeAndIsRecovered) {
  create();
  LedgerBatch batch;
  batch.created = {ids(1, 10)};
  batch.settled = {key(3)};
  write(batch);
  ledger_.reset();
  take(recover(directory_, "ex-1", 2));
  EXPECT_EQ(open_slices().size(), 9U);
}

TEST_F(LedgerRecoveryTest, RefusesASourceInUse) {
  make_source();
  const auto view = view_ledger(directory_);
  ASSERT_TRUE(view);
  EXPECT_EQ(recover(directory_, "ex-1", 2).error().code, ErrorCode::conflict);
}

TEST_F(LedgerRecoveryTest, RefusesAnEpochThatIsNotAboveTheSources) {
  make_source(4);
  const auto recovered = recover(directory_, "ex-1", 4);
  ASSERT_FALSE(recovered);
  EXPECT_EQ(recovered.error().code, ErrorCode::conflict);
  EXPECT_THAT(recovered.error().message, HasSubstr("epoch 4 is not above 4"));
}

TEST_F(LedgerRecoveryTest, RefusesWhatIsNotThereAndWhatIsThereAlready) {
  EXPECT_EQ(recover(root_ + "/nowhere", "ex-1", 2).error().code, ErrorCode::not_found);
  directory_ = root_ + "/ledger";
  make_source();
  take(recover(directory_, "ex-1", 2));
  const std::string source = root_ + "/ledger";
  EXPECT_EQ(recover(source, "ex-1", 3).error().code, ErrorCode::conflict);
}

TEST_F(LedgerRecoveryTest, StartsOverAfterARecoveryThatCrashed) {
  make_source();
  const std::string source = directory_;
  const std::string unfinished = root_ + "/ex-1.tmp";
  std::filesystem::copy(source, unfinished);  // a checkpoint that was never renamed
  std::filesystem::create_directories(unfinished + ".tmp");
  take(recover(source, "ex-1", 2));
  EXPECT_EQ(open_slices().size(), 5U);
  EXPECT_FALSE(std::filesystem::exists(unfinished));
  EXPECT_FALSE(std::filesystem::exists(unfinished + ".tmp"));
}

// The work of a recovery must not grow with what is in the ledger: the tables are linked, not copied.
TEST_F(LedgerRecoveryTest, IsTheSameWorkForALargeLedger) {
  constexpr std::uint64_t kErrors = 300'000, kDone = 500'000, kStep = 10'000;
  create();
  int answers = 0, expected = 0;
  for (std::uint64_t first = 1; first <= kDone; first += kStep) {
    LedgerBatch batch;
    batch.created = {ids(first, kStep)};
    for (std::uint64_t order = first; order < first + kStep; ++order) {
      batch.settled.push_back(key(order));
      if (order <= kErrors) batch.rows.push_back(row(key(order), SliceState::error, static_cast<WallMs>(order)));
    }
    ++expected;
    ledger_->write(std::move(batch), [&](const Result<void>& result) { answers += result ? 1 : 0; });
    if (expected % 10 == 0) {
      ASSERT_TRUE(loop_.run_until([&] { return answers == expected; }));
    }
  }
  end();
  std::map<std::uint64_t, std::string> tables;  // by inode
  std::uintmax_t source_bytes = 0;
  for (const auto& table : files(".sst")) {
    struct stat status {};
    ASSERT_EQ(stat(table.c_str(), &status), 0);
    tables[status.st_ino] = table;
    source_bytes += std::filesystem::file_size(table);
  }
  take(recover(directory_, "ex-1", 2));
  std::uintmax_t new_bytes = 0;
  for (const auto& table : files(".sst")) {
    struct stat status {};
    ASSERT_EQ(stat(table.c_str(), &status), 0);
    if (!tables.contains(status.st_ino)) new_bytes += std::filesystem::file_size(table);
  }
  EXPECT_GT(source_bytes, 1U << 20);
  EXPECT_LT(new_bytes, 64U << 10) << "of " << source_bytes;
  EXPECT_THAT(open_slices(), IsEmpty());
  EXPECT_EQ(ledger_->open_counts()->error, kErrors);
  std::uint64_t replayed = 0;
  std::optional<SliceKey> after;
  while (true) {
    const auto page = ledger_->rows(after, 1000);
    ASSERT_TRUE(page) << page.error().message;
    if (page->empty()) break;
    replayed += page->size();
    after = page->back().key;
  }
  EXPECT_EQ(replayed, kErrors);
  const auto newest = ledger_->errors(200'000, 3);
  ASSERT_TRUE(newest);
  EXPECT_EQ((*newest)[0].key.order, kErrors - 200'000);
}

}  // namespace
}  // namespace slicemill
