#include "core/ledger/rocks_ledger.h"

#include <rocksdb/status.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <thread>

#include "tests/core/ledger/ledger_fixture.h"

namespace slicemill {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class RocksLedgerTest : public LedgerFixture {};

// ---- facts ----------------------------------------------------------------------------------------------------------

TEST_F(RocksLedgerTest, FactsAreThereAfterReopening) {
  create();
  const SliceCounters counters{1, 2, 3, 4, 5, 6, 7, 8};
  const JoinRecord joined{{true, 1, 2, 3, 4}, true};
  LedgerBatch batch;
  batch.counters = counters;
  batch.wanted = WantedState::paused;
  batch.joined = joined;
  batch.positions[3] = {"at 9", true, 12};
  batch.outcome = LedgerOutcome{ExecutionStatus::failed, "because", 99};
  write(batch);
  for (const bool clean : {false, true}) {
    if (clean) {
      ASSERT_TRUE(ledger_->close());
    }
    reopen();
    const LedgerHeader& header = ledger_->header();
    EXPECT_EQ(header.counters, counters);
    EXPECT_EQ(header.wanted, WantedState::paused);
    EXPECT_EQ(header.joined, joined);
    EXPECT_EQ(header.outcome, (LedgerOutcome{ExecutionStatus::failed, "because", 99}));
    EXPECT_THAT(header.positions, ElementsAre(testing::Pair(3U, SlicerPosition{"at 9", true, 12})));
  }
}

TEST_F(RocksLedgerTest, TheLastWordOfAGroupCounts) {
  create();
  int answers = 0;
  for (std::uint64_t n = 1; n <= 100; ++n) {
    LedgerBatch batch;
    batch.counters = SliceCounters{.processed = n};
    batch.positions[0] = {std::to_string(n), false, n};
    ledger_->write(std::move(batch), [&](const Result<void>& result) { answers += result ? 1 : 0; });
  }
  ASSERT_TRUE(loop_.run_until([&] { return answers == 100; }));
  reopen();
  EXPECT_EQ(ledger_->header().counters.processed, 100U);
  EXPECT_EQ(ledger_->header().positions.at(0).position, "100");
}

// ---- creations, settlements, rows
// --------------------------------------------------------------------------------------

TEST_F(RocksLedgerTest, OpenRangesSkipWhatIsSettledAndWhatHasARow) {
  create();
  LedgerBatch batch;
  batch.created = {ids(1, 6), ids(1, 2, 1)};
  batch.settled = {key(2), key(5)};
  batch.rows = {row(key(3), SliceState::start, 1), row(key(5), SliceState::error, 2)};
  write(batch);
  reopen();
  EXPECT_THAT(open_slices(), ElementsAre("0/0/1", "0/0/4", "0/0/6", "0/1/1", "0/1/2"));
  const auto ranges = ledger_->open_ranges();
  ASSERT_EQ(ranges->size(), 4U);
  EXPECT_EQ((*ranges)[1].run->request((*ranges)[1].from), R"({"start":4,"end":5})");
  EXPECT_EQ((*ranges)[0].run, (*ranges)[2].run);  // shared, not copied
  EXPECT_EQ(ledger_->open_counts()->pending, 5U);
  EXPECT_EQ(ledger_->open_counts()->error, 1U);
  EXPECT_EQ(ledger_->open_counts()->start, 1U);
}

TEST_F(RocksLedgerTest, ACreationIsErasedWithItsLastOpenSlice) {
  const auto creations = [&] {
    ledger_.reset();
    const auto database = RocksDatabase::open(directory_, RocksDatabase::Mode::read).value();
    int count = 0;
    PrefixScan scan(*database, ledger_codec::kCreations);
    for (scan.seek_first(); scan.valid(); scan.next()) ++count;
    return count;
  };
  create();
  LedgerBatch batch;
  batch.created = {ids(1, 2), ids(3, 2)};
  batch.settled = {key(1), key(3), key(4)};
  write(batch);
  EXPECT_EQ(creations(), 1);
  reopen();
  batch = {};
  batch.rows = {row(key(2), SliceState::start, 1)};  // the last one leaves to a row
  write(batch);
  EXPECT_EQ(creations(), 0);
  reopen();
  EXPECT_EQ(ledger_->open_counts()->start, 1U);
}

TEST_F(RocksLedgerTest, ARunOfListedRequestsKeepsThem) {
  create();
  LedgerBatch batch;
  batch.created = {{0, 0, 1, 5, ListRequests{{R"({"a":1})", R"({"a":2})"}}}};
  batch.settled = {key(1)};
  write(batch);
  reopen();
  const auto ranges = ledger_->open_ranges();
  ASSERT_EQ(ranges->size(), 1U);
  EXPECT_EQ((*ranges)[0].run->request((*ranges)[0].from), R"({"a":2})");
  EXPECT_EQ((*ranges)[0].run->created_ms, 5);
}

TEST_F(RocksLedgerTest, WhatIsOpenIsOnlyToldBeforeTheFirstWrite) {
  create();
  write({});
  EXPECT_EQ(ledger_->open_ranges().error().code, ErrorCode::internal);
  EXPECT_EQ(ledger_->unpublished_outputs().error().code, ErrorCode::internal);
}

TEST_F(RocksLedgerTest, ARowCanChangeAndGo) {
  create();
  LedgerBatch batch;
  batch.created = {ids(1, 3)};
  batch.rows = {row(key(1), SliceState::start, 1), row(key(2), SliceState::start, 1)};
  write(batch);
  EXPECT_EQ(ledger_->open_counts()->start, 2U);
  batch = {};
  batch.settled = {key(1), key(2)};
  batch.rows = {row(key(1), SliceState::error, 9)};
  batch.erased_rows = {key(2)};
  write(batch);
  EXPECT_THAT(*ledger_->rows({}, 10), ElementsAre(row(key(1), SliceState::error, 9)));
  EXPECT_THAT(*ledger_->errors(0, 10), ElementsAre(row(key(1), SliceState::error, 9)));
  EXPECT_EQ(ledger_->open_counts()->start, 0U);
  EXPECT_EQ(ledger_->open_counts()->error, 1U);
  EXPECT_EQ(ledger_->open_counts()->pending, 1U);
  batch = {};
  batch.settled = {key(1)};
  batch.erased_rows = {key(1)};
  write(batch);
  EXPECT_THAT(*ledger_->rows({}, 10), IsEmpty());
  EXPECT_THAT(*ledger_->errors(0, 10), IsEmpty());
  reopen();
  EXPECT_EQ(ledger_->open_counts()->error, 0U);
  EXPECT_THAT(open_slices(), ElementsAre("0/0/3"));
}

TEST_F(RocksLedgerTest, ARowThatChangesWithinOneGroupIsCountedOnce) {
  create();
  LedgerBatch first, second, third;
  first.created = {ids(1, 1)};
  first.rows = {row(key(1), SliceState::start, 1)};
  second.settled = {key(1)};
  second.rows = {row(key(1), SliceState::error, 2)};
  third.rows = {row(key(1), SliceState::error, 3)};
  int answers = 0;
  for (auto* batch : {&first, &second, &third}) {
    ledger_->write(*batch, [&](const Result<void>& result) { answers += result ? 1 : 0; });
  }
  ASSERT_TRUE(loop_.run_until([&] { return answers == 3; }));
  EXPECT_EQ(ledger_->open_counts()->start, 0U);
  EXPECT_EQ(ledger_->open_counts()->error, 1U);
  EXPECT_THAT(*ledger_->errors(0, 10), ElementsAre(row(key(1), SliceState::error, 3)));
}

TEST_F(RocksLedgerTest, RowsComeInPagesByKey) {
  create();
  LedgerBatch batch;
  for (std::uint64_t order = 300; order > 0; --order)
    batch.rows.push_back(row(key(order, order % 2), SliceState::start, 1));
  batch.rows.push_back(row({0, 0, 2, 3}, SliceState::start, 1));  // a part of slice 2
  write(batch);
  std::vector<SliceKey> seen;
  std::optional<SliceKey> after;
  while (true) {
    const auto page = ledger_->rows(after, 7);
    ASSERT_TRUE(page);
    if (page->empty()) break;
    EXPECT_LE(page->size(), 7U);
    for (const OpenRow& open : *page) seen.push_back(open.key);
    after = seen.back();
  }
  EXPECT_EQ(seen.size(), 301U);
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
  EXPECT_EQ(seen[1], (SliceKey{0, 0, 2, 3}));
  EXPECT_THAT(*ledger_->rows({}, 0), IsEmpty());
}

TEST_F(RocksLedgerTest, ErrorsComeNewestFirst) {
  create();
  LedgerBatch batch;
  batch.rows = {row(key(1), SliceState::error, 30), row(key(2), SliceState::error, 10),
                row(key(3), SliceState::start, 99), row(key(4), SliceState::error, 20)};
  write(batch);
  batch = {};
  batch.rows = {row(key(2), SliceState::error, 40)};
  write(batch);
  const auto orders = [&](std::uint64_t from, std::uint64_t size) {
    std::vector<std::uint64_t> result;
    for (const OpenRow& open : *ledger_->errors(from, size)) result.push_back(open.key.order);
    return result;
  };
  EXPECT_THAT(orders(0, 10), ElementsAre(2, 1, 4));
  EXPECT_THAT(orders(1, 1), ElementsAre(1));
  EXPECT_THAT(orders(3, 10), IsEmpty());
  EXPECT_THAT(orders(0, 0), IsEmpty());
}

// ---- outputs --------------------------------------------------------------------------------------------------------

TEST_F(RocksLedgerTest, UnpublishedOutputsAreThoseOfUnsettledSlices) {
  create();
  LedgerBatch batch;
  batch.created = {ids(1, 200), ids(1, 3, 1)};
  for (std::uint64_t order = 1; order <= 150; ++order) batch.committed.push_back(output(key(order)));
  for (std::uint64_t order = 2; order <= 140; ++order) batch.settled.push_back(key(order));
  batch.settled.push_back(key(145));
  batch.committed.push_back(output(key(3, 1)));
  batch.committed.push_back(output({0, 0, 1, 2}));  // of a part
  write(batch);
  reopen();
  EXPECT_THAT(unpublished(), ElementsAre("0/0/1", "0/0/1/2", "0/0/141", "0/0/142", "0/0/143", "0/0/144", "0/0/146",
                                         "0/0/147", "0/0/148", "0/0/149", "0/0/150", "0/1/3"));
  std::vector<CommittedOutput> all;
  ASSERT_TRUE(ledger_->for_each_output([&](const CommittedOutput& found) {
    all.push_back(found);
    return Result<void>();
  }));
  EXPECT_EQ(all.size(), 152U);
  EXPECT_EQ(all[2], output(key(2)));
}

// A replayed error slice is settled already: its new output must be rolled forward all the same.
TEST_F(RocksLedgerTest, AReplaysOutputIsUnpublishedUntilItIsSettledAgain) {
  create();
  LedgerBatch batch;
  batch.created = {ids(1, 5)};
  for (std::uint64_t order = 1; order <= 5; ++order) batch.settled.push_back(key(order));
  batch.rows = {row(key(2), SliceState::error, 1), row(key(4), SliceState::error, 1)};
  write(batch);
  batch = {};
  batch.committed = {output(key(4)), output(key(2))};
  write(batch);
  reopen();
  EXPECT_THAT(unpublished(), ElementsAre("0/0/2", "0/0/4"));
  batch = {};
  batch.settled = {key(2)};
  batch.erased_rows = {key(2)};
  write(batch);
  reopen();
  EXPECT_THAT(unpublished(), ElementsAre("0/0/4"));
}

TEST_F(RocksLedgerTest, AVisitorCanEndTheVisit) {
  create();
  LedgerBatch batch;
  for (std::uint64_t order = 1; order <= 5; ++order) batch.committed.push_back(output(key(order)));
  write(batch);
  int visits = 0;
  const auto visited = ledger_->for_each_output([&](const CommittedOutput&) -> Result<void> {
    if (++visits == 3) return Error(ErrorCode::cancelled, "enough");
    return {};
  });
  EXPECT_EQ(visited.error().message, "enough");
  EXPECT_EQ(visits, 3);
}

// ---- broken promises of the owner -----------------------------------------------------------------------------------

TEST_F(RocksLedgerTest, ABrokenPromiseStopsTheLedger) {
  create();
  LedgerBatch created;
  created.created = {ids(1, 5)};
  write(created);
  const auto twice = try_write(created);
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().code, ErrorCode::internal);
  LedgerBatch later;
  later.settled = {key(1)};
  EXPECT_EQ(try_write(later).error().message, twice.error().message);  // what follows may rest on what was refused
  EXPECT_EQ(ledger_->close().error().message, twice.error().message);
  reopen();
  EXPECT_EQ(open_slices().size(), 5U);
}

TEST_F(RocksLedgerTest, ARowOfAnOpenSliceIsNotErased) {
  create();
  LedgerBatch batch;
  batch.created = {ids(1, 1)};
  batch.rows = {row(key(1), SliceState::start, 1)};
  write(batch);
  batch = {};
  batch.erased_rows = {key(1)};
  EXPECT_EQ(try_write(batch).error().code, ErrorCode::internal);
  reopen();
  EXPECT_EQ(ledger_->rows({}, 10)->size(), 1U);
}

TEST_F(RocksLedgerTest, ARowHasAStateThatRowsCanHave) {
  create();
  LedgerBatch batch;
  batch.rows = {row(key(1), SliceState::completed, 1)};
  EXPECT_EQ(try_write(batch).error().code, ErrorCode::internal);
}

// ---- threads, closing, going away -----------------------------------------------------------------------------------

TEST_F(RocksLedgerTest, CallbacksComeInOrderOnTheLoopAndTheBacklogFalls) {
  create();
  std::vector<int> order;
  for (int n = 0; n < 1000; ++n) {
    LedgerBatch batch;
    batch.settled = {key(static_cast<std::uint64_t>(n) + 1)};
    ledger_->write(std::move(batch), [&order, n, thread = std::this_thread::get_id()](const Result<void>& result) {
      EXPECT_TRUE(result);
      EXPECT_EQ(thread, std::this_thread::get_id());
      order.push_back(n);
    });
  }
  EXPECT_EQ(ledger_->backlog(), 1000U);
  ASSERT_TRUE(loop_.run_until([&] { return order.size() == 1000; }));
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
  EXPECT_EQ(ledger_->backlog(), 0U);
}

TEST_F(RocksLedgerTest, ReadersRunBesideTheWriter) {
  create();
  std::atomic<bool> stop = false;
  std::thread reader([&] {
    while (!stop) {
      const auto errors = ledger_->errors(0, 20);
      ASSERT_TRUE(errors) << errors.error().message;
      for (std::size_t i = 1; i < errors->size(); ++i) ASSERT_GE((*errors)[i - 1].updated_ms, (*errors)[i].updated_ms);
      ASSERT_TRUE(ledger_->rows({}, 20));
      ASSERT_TRUE(ledger_->open_counts());
      ASSERT_TRUE(ledger_->for_each_output([](const CommittedOutput&) { return Result<void>(); }));
    }
  });
  for (std::uint64_t n = 1; n <= 200; ++n) {
    LedgerBatch batch;
    batch.created = {ids(n, 1)};
    batch.committed = {output(key(n))};
    batch.settled = {key(n)};
    batch.rows = {row(key(n / 2 + 1), SliceState::error, static_cast<WallMs>(n))};
    write(std::move(batch));
  }
  stop = true;
  reader.join();
}

TEST_F(RocksLedgerTest, CloseWritesWhatWasQueued) {
  create();
  int answers = 0;
  for (std::uint64_t n = 1; n <= 500; ++n) {
    LedgerBatch batch;
    batch.created = {ids(n, 1)};
    ledger_->write(std::move(batch), [&](const Result<void>& result) { answers += result ? 1 : 0; });
  }
  ASSERT_TRUE(ledger_->close());
  ASSERT_TRUE(ledger_->close());
  loop_.run_ready();
  EXPECT_EQ(answers, 500);
  for (const auto& log : files(".log")) EXPECT_EQ(std::filesystem::file_size(log), 0U) << log;
  reopen();
  EXPECT_EQ(open_slices().size(), 500U);
}

TEST_F(RocksLedgerTest, AClosedLedgerAnswersThatItIs) {
  create();
  ASSERT_TRUE(ledger_->close());
  EXPECT_EQ(try_write({}).error().code, ErrorCode::cancelled);
  EXPECT_EQ(ledger_->backlog(), 0U);
  EXPECT_EQ(ledger_->rows({}, 1).error().code, ErrorCode::cancelled);
  EXPECT_EQ(ledger_->errors(0, 1).error().code, ErrorCode::cancelled);
  EXPECT_TRUE(view_ledger(directory_));  // the lock is free, though the object lives
}

TEST_F(RocksLedgerTest, ClosingEndsALongVisit) {
  create();
  LedgerBatch batch;
  for (std::uint64_t order = 1; order <= 5; ++order) batch.committed.push_back(output(key(order)));
  write(batch);
  std::promise<void> visiting, go_on;
  Result<void> visited;
  std::thread reader([&] {
    visited = ledger_->for_each_output([&, first = true](const CommittedOutput&) mutable -> Result<void> {
      if (std::exchange(first, false)) {
        visiting.set_value();
        go_on.get_future().wait();
      }
      return {};
    });
  });
  visiting.get_future().wait();
  std::thread closer([&] { EXPECT_TRUE(ledger_->close()); });
  go_on.set_value();
  reader.join();
  closer.join();
  EXPECT_TRUE(visited || visited.error().code == ErrorCode::cancelled);  // it may have been through already
}

TEST_F(RocksLedgerTest, ALedgerThatWentAwayCallsNobody) {
  create();
  LedgerBatch batch;
  batch.created = {ids(1, 3)};
  write(batch);
  bool called = false;
  ledger_->write({}, [&](const Result<void>&) { called = true; });
  ledger_.reset();
  loop_.run_ready();
  EXPECT_FALSE(called);
  reopen();
  EXPECT_EQ(open_slices().size(), 3U);
}

TEST_F(RocksLedgerTest, ACallbackMayDestroyTheLedger) {
  create();
  int called = 0;
  for (int n = 0; n < 50; ++n) {
    ledger_->write({}, [&](const Result<void>&) {
      if (++called == 1) ledger_.reset();
    });
  }
  ASSERT_TRUE(loop_.run_until([&] { return called > 0; }));
  loop_.run_ready();
  EXPECT_EQ(called, 1);
}

TEST_F(RocksLedgerTest, AnEmptyCallbackIsFine) {
  create();
  ledger_->write({}, nullptr);
  write({});
}

// ---- errors of RocksDB ----------------------------------------------------------------------------------------------

TEST_F(RocksLedgerTest, ErrorsOfRocksDbAreOurs) {
  using rocksdb::Status;
  EXPECT_EQ(rocks_error(Status::NoSpace("x"), "/d").code, ErrorCode::no_space);
  EXPECT_EQ(rocks_error(Status::IOError("x", "Disk quota exceeded"), "/d").code, ErrorCode::no_space);
  EXPECT_FALSE(rocks_error(Status::IOError("x"), "/d").obstacle);
  for (const int number : {ENOSPC, EDQUOT, EIO, EROFS, EMFILE, ENFILE}) {
    EXPECT_TRUE(rocks_error(Status::IOError("While open", strerror(number)), "/d").obstacle) << number;
  }
  EXPECT_EQ(rocks_error(Status::IOError("While lock file: /d/LOCK", strerror(EROFS)), "/d").code, ErrorCode::io);
  EXPECT_EQ(rocks_error(Status::IOError("While lock file: /d/LOCK", strerror(EAGAIN)), "/d").code, ErrorCode::conflict);
  EXPECT_EQ(rocks_error(Status::Corruption("x"), "/d").code, ErrorCode::corrupt);
  EXPECT_EQ(rocks_error(Status::IOError("x"), "/d").code, ErrorCode::io);
  EXPECT_THAT(rocks_error(Status::IOError("the cause"), "/some/where").message,
              AllOf(HasSubstr("/some/where"), HasSubstr("the cause")));
}

}  // namespace
}  // namespace slicemill
