// Quarantined records in the controller: recorded with their slice, counted, limited, and redriven as slices.
#include <set>

#include "core/model/quarantine.h"
#include "execution-controller/settlement/quarantine_policy.h"
#include "tests/execution-controller/controller_harness.h"

namespace slicemill::controller {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

TEST(QuarantinePolicy, CountsAndShares) {
  const auto policy = QuarantinePolicy::of({.most_quarantined = 10, .most_quarantined_percent = 2.5});
  EXPECT_EQ(policy.excess(10, 100'000, false), "");
  EXPECT_THAT(policy.excess(11, 100'000, false),
              HasSubstr("11 records are quarantined, and quarantine_max_records is 10"));
  EXPECT_EQ(policy.excess(9, 20, false), "") << "too few to judge";
  EXPECT_THAT(policy.excess(9, 20, true),
              HasSubstr("9 of 20 records (45.00 %) are quarantined, and quarantine_max_percent is 2.5"));
  EXPECT_EQ(QuarantinePolicy{.max_records = 0}.excess(1'000'000, 1'000'000, true), "");
  EXPECT_EQ(QuarantinePolicy::of({}).excess(10'000, 1'000'000, true), "");
  EXPECT_NE(QuarantinePolicy::of({}).excess(10'001, 1'000'000, true), "");
  EXPECT_EQ(policy.excess(0, 0, true), "");
  EXPECT_EQ(QuarantinePolicy().excess(20, 10, true), "") << "an operation made two records of each";
}

class QuarantineTest : public ControllerTest {
 protected:
  static QuarantinedRecord bad(std::string bytes, PipelineEntry entry = {1, ""}) {
    return {"operations[1] noop", std::move(entry), "place of " + bytes, std::move(bytes), "broken"};
  }
  // A result of ten records with these quarantined.
  void finish(PlayedWorker& worker, const wire::SliceOrder& slice, std::vector<QuarantinedRecord> records) {
    auto result = worker.result_of(slice);
    result.records_in = std::max<std::size_t>(10, records.size());
    result.records_out = result.records_in - records.size();
    result.quarantined = std::move(records);
    worker.say(wire::Results{worker.epoch, ++seq_, {result}});
  }
  std::vector<std::string> stored() {
    std::vector<std::string> bytes;
    const auto view = view_ledger(launch_.ledger_directory);
    EXPECT_TRUE(view) << view.error().message;
    const auto rows = (*view)->quarantine(std::nullopt, 0, 1000);
    for (const auto& row : *rows) bytes.push_back(row.record.bytes);
    return bytes;
  }
  // An ended execution of one slice with these records quarantined; launch_ is set to redrive it.
  void end_with(std::vector<QuarantinedRecord> records) {
    set_end(10);
    open();
    {
      PlayedWorker a(*hub_, "a");
      a.hello();
      ASSERT_TRUE(until([&] { return a.slices.size() == 1; }));
      finish(a, a.slices[0], std::move(records));
      ASSERT_TRUE(until_ended());
      EXPECT_EQ(outcome_->status, ExecutionStatus::completed) << outcome_->reason;
    }
    redrive_it();
  }
  void redrive_it() {
    controller_.reset();
    launch_.source_ledger_directory = launch_.ledger_directory;
    launch_.ledger_directory += "-redriven";
    launch_.ex_id = "22222222-2222-4222-8222-" + std::to_string(222222222200 + launch_.epoch);
    launch_.epoch += 1;
    launch_.cleanup = CleanupType::quarantine;
    launch_.settings.min_status_ms = 0;
    seq_ = 0;
  }

  std::uint64_t seq_ = 0;
};

TEST_F(QuarantineTest, RecordsAreDurableWithTheirSlice) {
  set_end(20);
  open();
  PlayedWorker a(*hub_, "a");
  a.hello();
  ASSERT_TRUE(until([&] { return a.slices.size() == 2; }));
  finish(a, a.slices[1], {bad("x"), bad("y")});
  EXPECT_EQ(a.acked, 0U);
  ASSERT_TRUE(until([&] { return a.acked == 1; }));
  EXPECT_EQ(stats().slices.quarantined, 2);
  EXPECT_EQ(stats().slices.records_in, 10);
  EXPECT_EQ(stats().slices.records_out, 8);
  controller_.reset();  // a crash: nothing was closed in order
  EXPECT_THAT(stored(), ElementsAre("x", "y"));
  launch_.epoch += 1;
  open();
  EXPECT_EQ(stats().slices.quarantined, 2) << "a restarted controller counts on";
}

TEST_F(QuarantineTest, ARefusedResultQuarantinesNothing) {
  set_end(10);
  open();
  PlayedWorker a(*hub_, "a");
  a.hello();
  ASSERT_TRUE(until([&] { return a.slices.size() == 1; }));
  auto stale = a.slices[0];
  stale.attempt.n += 1;
  finish(a, stale, {bad("x")});
  ASSERT_TRUE(until([&] { return a.acked == 1; }));
  EXPECT_EQ(stats().slices.quarantined, 0);
  finish(a, a.slices[0], {});
  ASSERT_TRUE(until_ended());
  controller_.reset();
  EXPECT_THAT(stored(), IsEmpty());
}

TEST_F(QuarantineTest, TheLastTryIsSaidToBeTheLast) {
  set_end(10);  // max_retries is 2
  open();
  PlayedWorker a(*hub_, "a");
  a.hello();
  std::vector<bool> last;
  for (int n = 0; n < 3; ++n) {
    ASSERT_TRUE(until([&] { return a.slices.size() == 1; }));
    last.push_back(a.slices[0].last_try);
    a.finish(a.slices[0], wire::Outcome::failed);
    a.slices.clear();
    ASSERT_TRUE(until([&] { return a.acked == static_cast<std::uint64_t>(n + 1); }));
    loop_.advance(1s);
  }
  EXPECT_THAT(last, ElementsAre(false, false, true));
}

TEST_F(QuarantineTest, TooManyEndTheExecution) {
  launch_.job.most_quarantined = 2;
  open();
  PlayedWorker a(*hub_, "a");
  a.hello();
  ASSERT_TRUE(until([&] { return a.slices.size() >= 2; }));
  finish(a, a.slices[0], {bad("x"), bad("y")});
  ASSERT_TRUE(until([&] { return processed() == 1; }));
  EXPECT_EQ(controller_->status(), ExecutionStatus::running);
  finish(a, a.slices[1], {bad("z")});
  ASSERT_TRUE(until([&] { return a.told_to_leave; }));
  a.say(wire::Goodbye{});
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(outcome_->status, ExecutionStatus::failed);
  EXPECT_THAT(outcome_->reason, HasSubstr("3 records are quarantined, and quarantine_max_records is 2"));
  controller_.reset();
  EXPECT_THAT(stored(), ElementsAre("x", "y", "z"));
  EXPECT_GT((*view_ledger(launch_.ledger_directory))->open_counts()->pending, 0U) << "a recovery goes on";
}

TEST_F(QuarantineTest, AShareIsJudgedAtTheEnd) {
  launch_.job.most_quarantined_percent = 10;
  set_end(10);
  open();
  PlayedWorker a(*hub_, "a");
  a.hello();
  ASSERT_TRUE(until([&] { return a.slices.size() == 1; }));
  finish(a, a.slices[0], {bad("x"), bad("y")});
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(outcome_->status, ExecutionStatus::failed);
  EXPECT_THAT(outcome_->reason, HasSubstr("2 of 10 records (20.00 %)"));
}

// ---- redriving ------------------------------------------------------------------------------------------------------

TEST_F(QuarantineTest, ARedriveRunsTheRecordsAndNothingElse) {
  end_with({bad("x"), bad("y", {2, "script"}), bad("z", {2, "script"})});
  launch_.job.plan.nodes[0].operation.options["end"] = 1000;  // would be more slices, if anybody asked the slicer
  launch_.job.goes_on = true;
  open();
  PlayedWorker a(*hub_, "a");
  a.hello();
  ASSERT_TRUE(until([&] { return a.slices.size() == 2; }));
  EXPECT_EQ(controller_->status(), ExecutionStatus::recovering);
  EXPECT_EQ(a.slices[0].key, (SliceKey{1, 0, 1, SliceKey::kWholeSlice}));
  EXPECT_EQ(*parse_redriven_request(a.slices[0].request), (RedrivenRequest{{1, ""}, {{"place of x", "x"}}}));
  EXPECT_EQ(*parse_redriven_request(a.slices[1].request),
            (RedrivenRequest{{2, "script"}, {{"place of y", "y"}, {"place of z", "z"}}}));
  finish(a, a.slices[0], {});
  finish(a, a.slices[1], {bad("z", {2, "script"})});
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(outcome_->status, ExecutionStatus::completed) << outcome_->reason;
  EXPECT_EQ(outcome_->counters.processed, 2U);
  controller_.reset();
  EXPECT_THAT(stored(), ElementsAre("z")) << "again";
  // And once more, over a further generation.
  redrive_it();
  open();
  PlayedWorker b(*hub_, "b");
  b.hello();
  ASSERT_TRUE(until([&] { return b.slices.size() == 1; }));
  EXPECT_EQ(b.slices[0].key, (SliceKey{2, 0, 1, SliceKey::kWholeSlice}));
  finish(b, b.slices[0], {});
  ASSERT_TRUE(until_ended());
  controller_.reset();
  EXPECT_THAT(stored(), IsEmpty());
}

TEST_F(QuarantineTest, AControllerThatDiesWhileRedrivingDoublesNothing) {
  end_with({bad("x"), bad("y", {2, "script"})});
  open();
  PlayedWorker a(*hub_, "a");
  a.hello();
  ASSERT_TRUE(until([&] { return a.slices.size() == 2; }));
  finish(a, a.slices[0], {});
  ASSERT_TRUE(until([&] { return processed() == 1; }));
  controller_.reset();
  EXPECT_THAT(stored(), IsEmpty()) << "they are in slices now";
  launch_.epoch += 1;
  open();
  PlayedWorker b(*hub_, "b");
  b.hello();
  ASSERT_TRUE(until([&] { return !b.slices.empty(); }));
  EXPECT_EQ(b.slices[0].key, (SliceKey{1, 0, 2, SliceKey::kWholeSlice}));
  seq_ = 0;
  finish(b, b.slices[0], {});
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(b.slices.size(), 1U);
  EXPECT_EQ(outcome_->status, ExecutionStatus::completed);
}

TEST_F(QuarantineTest, WhatAFailedRedriveLeftIsInTheNextOne) {
  end_with({bad("x")});
  open();
  fail_only_slice();
  redrive_it();
  open();
  PlayedWorker b(*hub_, "b");
  b.hello();
  ASSERT_TRUE(until([&] { return b.slices.size() == 1; }));
  EXPECT_EQ(b.slices[0].key, (SliceKey{1, 0, 1, SliceKey::kWholeSlice})) << "a replay keeps its identity";
  finish(b, b.slices[0], {});
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(outcome_->status, ExecutionStatus::completed);
}

TEST_F(QuarantineTest, ARedriveLeavesOtherFailedSlicesAlone) {
  set_end(20);
  open();
  {
    PlayedWorker a(*hub_, "a");
    a.hello();
    ASSERT_TRUE(until([&] { return a.slices.size() == 2; }));
    finish(a, a.slices[0], {bad("x")});
    auto failed = a.result_of(a.slices[1], wire::Outcome::failed_for_good);
    a.say(wire::Results{a.epoch, ++seq_, {failed}});
    ASSERT_TRUE(until_ended());
  }
  redrive_it();
  open();
  PlayedWorker b(*hub_, "b");
  b.hello();
  ASSERT_TRUE(until([&] { return b.slices.size() == 1; }));
  EXPECT_TRUE(is_redriven_request(b.slices[0].request));
  finish(b, b.slices[0], {});
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(b.slices.size(), 1U);
  controller_.reset();
  EXPECT_EQ((*view_ledger(launch_.ledger_directory))->open_counts()->error, 1U);
}

TEST_F(QuarantineTest, ManyRecordsBecomeSlicesOfBoundedSize) {
  std::vector<QuarantinedRecord> records;
  for (int n = 0; n < 3000; ++n) records.push_back(bad(std::to_string(n)));
  records.push_back(bad(std::string(kLongestQuarantinedBytes, 'x')));
  end_with(std::move(records));
  open();
  PlayedWorker a(*hub_, "a");
  a.hello();
  std::set<std::string> seen;
  std::size_t slices = 0;
  ASSERT_TRUE(until([&] {
    while (!a.slices.empty()) {
      const auto slice = a.slices.front();
      a.slices.pop_front();
      const auto request = parse_redriven_request(slice.request);
      EXPECT_TRUE(request);
      EXPECT_LE(request->records.size(), 256U);
      for (const auto& record : request->records) EXPECT_TRUE(seen.insert(record.bytes).second) << "each once";
      ++slices;
      finish(a, slice, {});
    }
    return outcome_.has_value();
  }));
  EXPECT_EQ(seen.size(), 3001U);
  EXPECT_LE(slices, 16U);
}

TEST_F(QuarantineTest, NothingIsAddedToAJoinedFile) {
  end_with({bad("x")});
  {
    auto ledger = open_ledger_next_epoch(loop_, launch_.source_ledger_directory);
    ASSERT_TRUE(ledger);
    LedgerBatch batch;
    batch.joined = JoinRecord{{}, true};
    bool written = false;
    (*ledger)->write(std::move(batch), [&](const Result<void>& result) { written = result.has_value(); });
    ASSERT_TRUE(until([&] { return written; }));
  }
  launch_.epoch += 5;
  launch_.job.plan.nodes[1].operation = {.name = "file_exporter",
                                         .options = {{"path", directory_ + "/out"}, {"single_file", true}}};
  EXPECT_THAT(open_refused().message, HasSubstr("single_file: the joined file is written already"));
  EXPECT_FALSE(ledger_exists(launch_.ledger_directory));
}

}  // namespace
}  // namespace slicemill::controller
