// I6: what a recovery runs again, and where it goes on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tests/execution-controller/controller_harness.h"

namespace slicemill::controller {
namespace {

using testing::HasSubstr;

class RecoveryTest : public ControllerTest {
 protected:
  // Orders of the slices that were run, by the generation that bore them.
  using Ran = std::map<int, std::multiset<std::uint64_t>>;

  void set_slicing(int end, int slicers = 1) {
    launch_.job.plan.nodes[0].operation.options["end"] = end;
    launch_.job.plan.nodes[0].operation.options["size"] = 10;
    launch_.job.slicers = slicers;
  }

  std::unique_ptr<SliceLedger> new_ledger() {
    auto ledger = create_ledger(loop_, launch_.ledger_directory,
                                {launch_.ex_id, to_compact_text(to_json(launch_.job)), launch_.epoch});
    EXPECT_TRUE(ledger) << ledger.error().message;
    return std::move(*ledger);
  }

  void write(SliceLedger& ledger, LedgerBatch batch) {
    bool synced = false;
    ledger.write(std::move(batch), [&](const Result<void>& result) {
      EXPECT_TRUE(result);
      synced = true;
    });
    ASSERT_TRUE(until([&] { return synced; }));
  }

  static void bear(LedgerBatch& batch, std::uint32_t slicer, std::int64_t first, std::int64_t slices) {
    auto& run = batch.created.emplace_back();
    run.slicer = slicer;
    run.first_order = 1;
    run.created_ms = 1'700'000'000'000;
    run.requests = RangeRequests{"", "start", "end", false, first, 10, first + slices * 10};
    batch.positions[slicer] = {R"({"next":)" + std::to_string(first + slices * 10) + "}", false,
                               static_cast<std::uint64_t>(slices)};
  }

  static void add_row(LedgerBatch& batch, const SliceKey& key, std::int64_t start, SliceState state) {
    batch.rows.push_back(
        {.key = key,
         .state = state,
         .request = R"({"start":)" + std::to_string(start) + R"(,"end":)" + std::to_string(start + 10) + "}",
         .error = "seeded"});
    if (state == SliceState::error) batch.settled.push_back(key);
  }

  // Eight slices: 1 and 2 completed, 3 and 4 started, 5 and 6 failed, 7 and 8 pending; two more have not been cut.
  void seed_eight() {
    set_slicing(100);
    auto ledger = new_ledger();
    LedgerBatch batch;
    bear(batch, 0, 0, 8);
    for (const std::uint64_t order : {1U, 2U}) batch.settled.push_back({0, 0, order});
    for (const std::int64_t order : {3, 4})
      add_row(batch, {0, 0, static_cast<std::uint64_t>(order)}, (order - 1) * 10, SliceState::start);
    for (const std::int64_t order : {5, 6})
      add_row(batch, {0, 0, static_cast<std::uint64_t>(order)}, (order - 1) * 10, SliceState::error);
    batch.outcome = LedgerOutcome{ExecutionStatus::stopped, "", 1};
    write(*ledger, std::move(batch));
  }

  void recover_from_it(CleanupType cleanup) {
    controller_.reset();
    launch_.source_ledger_directory = launch_.ledger_directory;
    launch_.ledger_directory += "+";
    launch_.ex_id[0] = static_cast<char>(launch_.ex_id[0] + 1);
    ++launch_.epoch;
    launch_.cleanup = cleanup;
  }

  // Runs the recovery to its end; every slice gets that outcome.
  Ran run(wire::Outcome outcome = wire::Outcome::completed) {
    launch_.settings.min_status_ms = 0;  // the clock stands still
    open();
    PlayedWorker a(*hub_, "a");
    a.work(outcome);
    a.hello();
    EXPECT_TRUE(until_ended());
    Ran ran;
    for (const auto& key : a.worked) ran[key.generation].insert(key.order);
    return ran;
  }
};

TEST_F(RecoveryTest, ARecoveryOfOneTypeReplaysStoredRequestsAndNeverCallsTheSlicer) {
  end_with_one_error();
  launch_.cleanup = CleanupType::errors;
  launch_.job.plan.nodes[0].operation.options["end"] = 1000;  // would be more slices, if anybody asked the slicer
  open();
  PlayedWorker a(*hub_, "a");
  a.hello();
  ASSERT_TRUE(until([&] { return a.slices.size() == 1; }));
  EXPECT_EQ(controller_->status(), ExecutionStatus::recovering);
  EXPECT_EQ(a.slices[0].key, (SliceKey{0, 0, 1, SliceKey::kWholeSlice})) << "a replay keeps its identity";
  EXPECT_EQ(a.slices[0].request, R"({"start":0,"end":10})");
  a.finish(a.slices[0]);
  ASSERT_TRUE(until([&] { return processed() == 1; }));
  loop_.advance(std::chrono::milliseconds(launch_.settings.min_status_ms));
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(outcome_->status, ExecutionStatus::completed);
  EXPECT_EQ(outcome_->counters.processed, 1u) << "counters begin anew";
}

TEST_F(RecoveryTest, ARecoveryWithoutATypeIsRefusedIfTheSlicingDiffers) {
  end_with_one_error();
  launch_.job.plan.nodes[0].operation.options["size"] = 3;
  EXPECT_THAT(open_refused().message, HasSubstr("size is 3 now and was 10"));
  EXPECT_FALSE(ledger_exists(launch_.ledger_directory)) << "a later recovery begins at the source again";
}

TEST_F(RecoveryTest, I6_EachTypeRunsWhatItNamesAndNoTypeGoesOn) {
  const std::multiset<std::uint64_t> errors{5, 6}, pending{3, 4, 7, 8}, all{3, 4, 5, 6, 7, 8}, fresh{1, 2};
  const std::vector<std::pair<CleanupType, Ran>> cases = {{CleanupType::errors, {{0, errors}}},
                                                          {CleanupType::pending, {{0, pending}}},
                                                          {CleanupType::all, {{0, all}}},
                                                          {CleanupType::none, {{0, all}, {1, fresh}}}};
  for (const auto& [cleanup, expected] : cases) {
    launch_.ledger_directory = directory_ + "/" + std::string(to_string(cleanup)) + "-source";
    seed_eight();
    recover_from_it(cleanup);
    EXPECT_EQ(run(), expected) << to_string(cleanup);
    EXPECT_EQ(outcome_->status, ExecutionStatus::completed) << to_string(cleanup);
  }
}

TEST_F(RecoveryTest, AutorecoverRunsWhatIsPendingAndGoesOn) {
  launch_.job.goes_on = true;
  seed_eight();
  recover_from_it(CleanupType::pending);
  EXPECT_EQ(run(), (Ran{{0, {3, 4, 7, 8}}, {1, {1, 2}}})) << "also what a stop gave up";
  // What it left is still there for a recovery that asks for it.
  recover_from_it(CleanupType::errors);
  EXPECT_EQ(run(), (Ran{{0, {5, 6}}}));
}

TEST_F(RecoveryTest, I6_AllSlicersAndManyFailedSlicesOverGenerations) {
  constexpr std::int64_t kSlicers = 4, kSlicesEach = 50'000, kRowsPerBatch = 10'000;
  set_slicing(kSlicers * kSlicesEach * 10, kSlicers);
  {
    auto ledger = new_ledger();
    for (std::int64_t slicer = 0; slicer < kSlicers; ++slicer) {
      const std::int64_t first = slicer * kSlicesEach * 10;
      LedgerBatch batch;
      bear(batch, static_cast<std::uint32_t>(slicer), first, kSlicesEach);
      for (std::int64_t slice = 0; slice < kSlicesEach; ++slice) {
        add_row(batch, {0, static_cast<std::uint32_t>(slicer), static_cast<std::uint64_t>(slice + 1)},
                first + slice * 10, SliceState::error);
        if (slice % kRowsPerBatch == kRowsPerBatch - 1) write(*ledger, std::exchange(batch, {}));
      }
    }
    LedgerBatch end;
    end.outcome = LedgerOutcome{ExecutionStatus::failed, "seeded", 1};
    write(*ledger, std::move(end));
  }
  for (const auto outcome : {wire::Outcome::failed_for_good, wire::Outcome::completed, wire::Outcome::completed}) {
    const std::uint64_t open_before = (*view_ledger(launch_.ledger_directory))->open_counts()->error;
    recover_from_it(CleanupType::errors);
    const Ran ran = run(outcome);
    EXPECT_EQ(outcome_->counters.processed, open_before);
    std::uint64_t runs = 0, different = 0;
    for (const auto& [generation, orders] : ran) {
      EXPECT_EQ(generation, 0);
      runs += orders.size();
      different += std::set(orders.begin(), orders.end()).size();
    }
    EXPECT_EQ(runs, open_before) << "each once";
    EXPECT_EQ(different, open_before / kSlicers) << "of every slicer the same orders";
    controller_.reset();
  }
  EXPECT_EQ((*view_ledger(launch_.ledger_directory))->open_counts()->error, 0u);
}

TEST_F(RecoveryTest, AReaderThatDoesNotKnowWhereItStandsIsReplayedAndThenFails) {
  launch_.job.plan.nodes[0].operation = {.name = "test-reader"};
  {
    auto ledger = new_ledger();
    LedgerBatch batch;
    auto& run = batch.created.emplace_back();
    run.first_order = 1;
    run.requests = ListRequests{{"{}", "{}"}};
    batch.positions[0] = {"", false, 2};
    batch.outcome = LedgerOutcome{ExecutionStatus::stopped, "", 1};
    write(*ledger, std::move(batch));
  }
  recover_from_it(CleanupType::pending);
  launch_.settings.min_status_ms = 0;
  EXPECT_EQ(run(), (Ran{{0, {1, 2}}}));
  EXPECT_EQ(outcome_->status, ExecutionStatus::completed);
  launch_.ledger_directory = launch_.source_ledger_directory;
  launch_.epoch += 1;
  recover_from_it(CleanupType::none);
  launch_.ledger_directory += "-without-type";
  EXPECT_EQ(run(), (Ran{{0, {1, 2}}}));
  EXPECT_EQ(outcome_->status, ExecutionStatus::failed);
  EXPECT_THAT(outcome_->reason, HasSubstr("slicer cannot resume"));
}

TEST_F(RecoveryTest, WithoutATypeTheNumberOfSlicersMustBeTheSame) {
  seed_eight();
  recover_from_it(CleanupType::none);
  launch_.job.slicers = 2;
  const auto refused = open_refused();
  EXPECT_EQ(refused.code, ErrorCode::invalid);
  EXPECT_THAT(refused.message, HasSubstr("slicers is 2 now and was 1"));
}

}  // namespace
}  // namespace slicemill::controller
