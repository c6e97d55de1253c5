// The life of one execution, from its first slice to its outcome.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/outputs/file_layout.h"
#include "core/runtime/in_flight_marker.h"
#include "tests/execution-controller/controller_harness.h"

namespace slicemill::controller {
namespace {

using testing::HasSubstr;

// The real files, but one look at one of them fails.
class TroubledFiles final : public Files {
 public:
  TroubledFiles(std::string name, int fails_at) : name_(std::move(name)), fails_at_(fails_at) {}
  Result<FileStat> stat(const std::string& path) override {
    if (path.ends_with(name_) && ++looks_ == fails_at_) return Error(ErrorCode::io, "the device does not answer");
    return real_.stat(path);
  }
  Result<std::unique_ptr<WritableFile>> create(const std::string& path) override { return real_.create(path); }
  Result<std::unique_ptr<ReadableFile>> open(const std::string& path) override { return real_.open(path); }
  Result<void> create_directories(const std::string& path) override { return real_.create_directories(path); }
  Result<std::vector<std::string>> list(const std::string& path) override { return real_.list(path); }
  Result<void> rename_replace(const std::string& from, const std::string& to) override {
    return real_.rename_replace(from, to);
  }
  Result<void> rename_no_replace(const std::string& from, const std::string& to) override {
    return real_.rename_no_replace(from, to);
  }
  Result<void> sync_directory(const std::string& path) override { return real_.sync_directory(path); }
  Result<void> remove(const std::string& path) override { return real_.remove(path); }
  Result<void> remove_tree(const std::string& path) override { return real_.remove_tree(path); }
  int looks() const { return looks_; }

 private:
  Files& real_ = posix_files();
  std::string name_;
  int fails_at_;
  int looks_ = 0;
};

class TroubledSourceTest : public ControllerTest {
 protected:
  TroubledFiles troubled_{"/in/b", 2};  // its size is asked for first, for the total
};

// The first file of the turn was cut when the second one could not be looked at.
TEST_F(TroubledSourceTest, I1_ASlicerThatFailsInTheMiddleOfATurnLosesNothing) {
  const std::string in = directory_ + "/in";
  std::filesystem::create_directories(in);
  for (const char* name : {"a", "b", "c"}) std::ofstream(in + "/" + name) << "{}\n";
  launch_.job.plan.nodes[0].operation = {.name = "file_reader", .options = {{"path", in}}};
  files_ = &troubled_;
  open();
  PlayedWorker a(*hub_, "a");
  a.work();
  a.hello();
  ASSERT_TRUE(until([&] { return troubled_.looks() == 2; }));
  loop_.advance(1s);
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(troubled_.looks(), 4);
  EXPECT_EQ(outcome_->status, ExecutionStatus::completed);
  EXPECT_EQ(outcome_->counters.processed, 3u);
}

TEST_F(ControllerTest, ALedgerThatWasMadeIsNotMadeAnew) {
  launch_.ledger_was_made = true;
  const Error error = open_refused();
  EXPECT_EQ(error.code, ErrorCode::gone);
  EXPECT_THAT(error.message, HasSubstr(launch_.ledger_directory));
  EXPECT_FALSE(std::filesystem::exists(launch_.ledger_directory));
}

// Otherwise a ledger that is lost with the first slices under way would be taken for one that never was.
TEST_F(ControllerTest, NoSliceGoesOutBeforeTheMasterKnowsOfTheLedger) {
  MemoryHub master_hub(loop_);
  const auto master = master_hub.server();
  const auto to_master = master_hub.client();
  std::optional<ServerChannel::Peer> peer;
  int told = 0;
  master->on_frame([&](ServerChannel::Peer from, std::string_view frame) {
    const auto message = wire::decode(frame);
    peer = from;
    told += message && std::holds_alternative<wire::LedgerMade>(*message) ? 1 : 0;
  });
  launch_.master_notes_ledger = true;
  hub_.emplace(loop_);
  server_ = hub_->server();
  auto opened =
      Controller::open({.loop = loop_, .workers = *server_, .master = to_master.get(), .files = *files_}, launch_);
  ASSERT_TRUE(opened) << opened.error().message;
  controller_ = std::move(*opened);
  controller_->start([this](const ControllerOutcome& outcome) { outcome_ = outcome; });
  PlayedWorker a(*hub_, "a");
  a.hello();
  loop_.advance(3s);
  EXPECT_TRUE(a.welcome);
  EXPECT_GE(told, 3);  // again each beat
  EXPECT_TRUE(a.slices.empty());
  master->send(*peer, wire::encode(wire::LedgerNoted{}));
  ASSERT_TRUE(until([&] { return !a.slices.empty(); }));
  const int by_then = told;
  loop_.advance(3s);
  EXPECT_EQ(told, by_then);

  // Removed while it is in use: nothing that comes after it would be durable.
  std::filesystem::rename(launch_.ledger_directory, launch_.ledger_directory + "-removed");
  loop_.advance(2s);  // a beat
  ASSERT_TRUE(until_ended());
  ASSERT_TRUE(outcome_->ledger_error);
  EXPECT_EQ(outcome_->ledger_error->code, ErrorCode::gone);
  controller_.reset();
}

TEST_F(ControllerTest, EverySliceIsDoneOnceAndTheOutcomeIsInTheLedger) {
  open();
  PlayedWorker a(*hub_, "a"), b(*hub_, "b");
  a.work();
  b.work();
  a.hello();
  b.hello();
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(outcome_->status, ExecutionStatus::completed);
  EXPECT_EQ(outcome_->counters.processed, 4u);
  EXPECT_EQ(outcome_->counters.records_in, 4u);
  controller_.reset();
  const auto view = view_ledger(launch_.ledger_directory);
  ASSERT_TRUE(view);
  EXPECT_EQ((*view)->header().outcome->status, ExecutionStatus::completed);
  EXPECT_EQ((*view)->open_counts()->pending, 0u);
}

TEST_F(ControllerTest, I5_AResultIsAcknowledgedAndCountedOnlyWhenItIsDurable) {
  open();
  PlayedWorker a(*hub_, "a");
  a.hello();
  ASSERT_TRUE(until([&] { return a.slices.size() == 2; })) << "one running, one waiting";
  a.finish(a.slices[0]);
  ASSERT_TRUE(until([&] { return a.acked == 1; }));
  EXPECT_EQ(processed(), 1u);
}

TEST_F(ControllerTest, I3_StaleResultsAreRefusedAndCounted) {
  open();
  PlayedWorker a(*hub_, "a"), b(*hub_, "b");
  a.hello();
  ASSERT_TRUE(until([&] { return a.slices.size() == 2; }));
  b.hello();
  ASSERT_TRUE(until([&] { return b.slices.size() == 2; }));
  const auto mine = a.slices[0];
  b.finish(mine);  // leased to a
  auto older = mine;
  older.attempt.n = 7;
  a.finish(older);                                            // not this attempt
  a.say(wire::Results{a.epoch + 1, 3, {a.result_of(mine)}});  // not this controller
  auto true_result = a.result_of(mine);
  true_result.records_in = 7;                                    // the stale ones say 1
  a.say(wire::Results{a.epoch, 4, {true_result, true_result}});  // said twice
  ASSERT_TRUE(until([&] { return processed() == 1 && stats().slices.refused == 4; })) << stats().slices.refused;
  EXPECT_EQ(stats().slices.records_in, 7);
}

// Whoever tells it, and whatever becomes of the result: nothing that a record refuted is said at the end.
TEST_F(ControllerTest, RemarksOutliveControllersAndRefusedResults) {
  open();
  {
    PlayedWorker a(*hub_, "a");
    a.hello();
    ASSERT_TRUE(until([&] { return a.slices.size() >= 2; }));
    auto result = a.result_of(a.slices[0]);
    result.remarks = {{"a", false}, {"b", true}, {"c", false}};
    auto stale = a.result_of(a.slices[1]);
    stale.attempt.n += 1;
    stale.remarks = {{"c", true}};
    a.say(wire::Results{a.epoch, 1, {result, stale}});
    ASSERT_TRUE(until([&] { return a.acked == 2; }));
  }
  controller_.reset();  // as a crash: what was acknowledged is durable
  launch_.epoch = 9;
  open();
  PlayedWorker b(*hub_, "b");
  b.work();
  auto known = wire::SliceResult{.key = {0, 0, 999, SliceKey::kWholeSlice}, .attempt = {1, 1}};
  known.remarks = {{"b", false}, {"d", false}};
  b.hello({}, {known});
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(outcome_->status, ExecutionStatus::completed);
  EXPECT_THAT(outcome_->remarks, testing::ElementsAre("a", "d"));
}

TEST_F(ControllerTest, AFailedSliceIsRetriedWithBackoffAndThenAnError) {
  set_end(10);
  open();
  PlayedWorker a(*hub_, "a");
  a.hello();
  for (int run = 1; run <= 3; ++run) {
    ASSERT_TRUE(until([&] { return a.slices.size() == static_cast<std::size_t>(run); })) << run;
    EXPECT_EQ(a.slices.back().attempt.n, static_cast<std::uint32_t>(run));
    a.finish(a.slices.back(), wire::Outcome::failed);
    loop_.run_ready();
    if (run < 3) {
      EXPECT_EQ(a.slices.size(), static_cast<std::size_t>(run)) << "not before its backoff";
      loop_.advance(1s);
    }
  }
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(outcome_->status, ExecutionStatus::failed);
  EXPECT_THAT(outcome_->reason, HasSubstr("1 slice failed"));
  EXPECT_EQ(outcome_->counters.retries, 2u);
  controller_.reset();
  const auto errors = (*view_ledger(launch_.ledger_directory))->errors(0, 10);
  ASSERT_EQ(errors->size(), 1u);
  EXPECT_EQ(errors->front().error, "bad record");
  EXPECT_EQ(errors->front().request, R"({"start":0,"end":10})");
}

TEST_F(ControllerTest, WhatCannotPassIsNotRetried) {
  set_end(10);
  open();
  fail_only_slice();
  EXPECT_EQ(outcome_->counters.retries, 0u);
}

TEST_F(ControllerTest, I1_SlicesOfASilentWorkerGoToAnother) {
  set_end(20);
  open(true);
  PlayedWorker a(*hub_, "a", 1001);
  a.hello();
  ASSERT_TRUE(until([&] { return a.slices.size() == 2; }));
  loop_.advance(7s);
  EXPECT_THAT(monitor_.killed, testing::Contains(1001));
  PlayedWorker b(*hub_, "b", 1002);
  b.work();
  b.hello();
  ASSERT_TRUE(until([&] { return processed() == 2; }));
  a.finish(a.slices[0]);  // too late: it is a stranger now
  loop_.run_ready();
  EXPECT_EQ(processed(), 2u);
}

TEST_F(ControllerTest, ADeadWorkerIsChargedOnlyForTheSliceItHadBegunAndPoisonBecomesAnError) {
  set_end(20);
  open(true);
  const std::string note_path = directory_ + "/begun";
  std::string cause;
  for (pid_t pid = 1; pid <= 3; ++pid) {
    PlayedWorker a(*hub_, "w" + std::to_string(pid), pid);
    auto note = create_in_flight_marker(note_path, {"boot", 7, 1});
    ASSERT_TRUE(note);
    a.hello({}, {}, note_path);
    const auto poison = [&]() -> const wire::SliceOrder* {
      if (pid > 1) {
        // The innocent one may come first; the isolated slice then waits until nothing else runs here.
        while (!a.slices.empty() && a.slices.front().key.order != 1) {
          a.finish(a.slices.front());
          a.slices.pop_front();
        }
      }
      for (const auto& slice : a.slices)
        if (slice.key.order == 1) return &slice;
      return nullptr;
    };
    ASSERT_TRUE(until([&] { return poison() != nullptr; })) << pid;
    if (pid > 1) {
      EXPECT_EQ(a.slices.size(), 1u) << "an isolated slice runs alone";
    }
    const auto& slice = *poison();
    (*note)->begin({slice.key.generation, slice.key.slicer, slice.key.order, slice.key.path, slice.attempt.epoch,
                    slice.attempt.n});
    monitor_.watched.at(pid)({.known = true, .signal = 11});
    loop_.run_ready();
  }
  PlayedWorker last(*hub_, "last", 99);
  last.work();
  last.hello();
  // The played workers never exit, so the drain of the failed execution is not awaited: its outcome is.
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(outcome_->status, ExecutionStatus::failed);
  EXPECT_EQ(outcome_->counters.processed, 2u);
  EXPECT_EQ(outcome_->counters.failed, 1u) << "the other slice of the dead workers is innocent";
  controller_.reset();
  const auto errors = (*view_ledger(launch_.ledger_directory))->errors(0, 10);
  ASSERT_EQ(errors->size(), 1u);
  EXPECT_THAT(errors->front().error, HasSubstr("signal 11"));
}

// A slice runs max_retries + 1 times, whoever controls it.
TEST_F(ControllerTest, FailedTriesOutliveTheirController) {
  set_end(10);
  int tries = 0;
  for (launch_.epoch = 1; launch_.epoch <= 3; ++launch_.epoch) {
    open();
    PlayedWorker a(*hub_, "a");
    a.hello();
    ASSERT_TRUE(until([&] { return a.slices.size() == 1; })) << "under epoch " << launch_.epoch;
    a.finish(a.slices[0], wire::Outcome::failed);
    ++tries;
    if (launch_.epoch == 3) {
      ASSERT_TRUE(until_ended());
      break;
    }
    ASSERT_TRUE(until([&] { return a.acked == 1; }));
    controller_.reset();
  }
  EXPECT_EQ(tries, 3);
  EXPECT_EQ(outcome_->status, ExecutionStatus::failed);
  controller_.reset();
  const auto errors = (*view_ledger(launch_.ledger_directory))->errors(0, 10);
  ASSERT_EQ(errors->size(), 1u);
  EXPECT_EQ(errors->front().retries, 2u);
}

// Worker and controller die together: the note alone says who was running.
TEST_F(ControllerTest, ASliceThatTakesEverybodyDownIsChargedAtTheNextOpening) {
  set_end(20);
  launch_.marker_directory = directory_ + "/begun";
  std::filesystem::create_directories(launch_.marker_directory);
  const std::string note_path = launch_.marker_directory + "/w.begun";
  const auto die_with_slice = [&](std::uint64_t order, bool excused) {
    open(true);
    PlayedWorker a(*hub_, "w", 7);
    a.hello({}, {}, note_path);
    const wire::SliceOrder* found = nullptr;
    ASSERT_TRUE(until([&] {
      for (const auto& slice : a.slices)
        if (slice.key.order == order) found = &slice;
      if (found == nullptr && !a.slices.empty()) {  // an isolated slice waits until nothing else runs here
        a.finish(a.slices.front());
        a.slices.pop_front();
      }
      return found != nullptr;
    }));
    auto note = create_in_flight_marker(note_path, {"boot", 7, 1});
    ASSERT_TRUE(note);
    (*note)->begin({0, 0, order, SliceKey::kWholeSlice, found->attempt.epoch, found->attempt.n});
    if (excused) (*note)->excuse();
    controller_.reset();
    ++launch_.epoch;
  };
  const auto retries = [&] { return controller_->durable_counters().retries; };
  die_with_slice(1, true);
  monitor_.living = {7};
  die_with_slice(1, false);  // the excused one was not charged, and this one lives
  open(true);
  EXPECT_EQ(retries(), 0u);
  EXPECT_TRUE(std::filesystem::exists(note_path)) << "it is at work still";
  controller_.reset();
  ++launch_.epoch;
  monitor_.living.clear();
  open(true);
  ASSERT_TRUE(until([&] { return retries() == 1; })) << "it is dead by now";
  EXPECT_FALSE(std::filesystem::exists(note_path));
  controller_.reset();
  ++launch_.epoch;
  die_with_slice(1, false);
  die_with_slice(1, false);
  open(true);
  PlayedWorker last(*hub_, "last", 99);
  last.work();
  last.hello();
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(outcome_->status, ExecutionStatus::failed);
  EXPECT_EQ(outcome_->counters.processed, 2u);
  EXPECT_EQ(outcome_->counters.failed, 1u);
  controller_.reset();
  const auto errors = (*view_ledger(launch_.ledger_directory))->errors(0, 10);
  ASSERT_EQ(errors->size(), 1u);
  EXPECT_THAT(errors->front().error, HasSubstr("an unknown cause, together with its controller while it ran, 3 times"));
}

TEST_F(ControllerTest, PauseRecallsAndResumeGoesOn) {
  open();
  PlayedWorker a(*hub_, "a");
  a.hello();
  ASSERT_TRUE(until([&] { return a.slices.size() == 2; }));
  std::optional<ExecutionStatus> reached;
  controller_->pause([&](Result<ExecutionStatus> status) { reached = *status; });
  ASSERT_TRUE(until([&] { return reached.has_value(); }));
  EXPECT_EQ(reached, ExecutionStatus::paused);
  EXPECT_EQ(a.recalls, 1u);
  a.say(wire::Recalled{a.epoch, {{a.slices[1].key, a.slices[1].attempt}}});
  a.finish(a.slices[0]);
  ASSERT_TRUE(until([&] { return processed() == 1; }));
  loop_.advance(1s);
  EXPECT_EQ(a.slices.size(), 2u) << "nothing is dispatched while paused";
  a.work();
  controller_->resume([&](Result<ExecutionStatus> status) { reached = *status; });
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(outcome_->counters.processed, 4u);
  EXPECT_EQ(outcome_->counters.retries, 0u) << "a recall uses no attempt";
}

TEST_F(ControllerTest, APauseOutlivesTheController) {
  open();
  bool paused = false;
  controller_->pause([&](const Result<ExecutionStatus>&) { paused = true; });
  ASSERT_TRUE(until([&] { return paused; }));
  launch_.epoch = 2;
  open();
  PlayedWorker a(*hub_, "a");
  a.hello();
  ASSERT_TRUE(until([&] { return a.welcome.has_value() && controller_->status() == ExecutionStatus::paused; }));
  loop_.advance(1s);
  EXPECT_TRUE(a.slices.empty());
}

TEST_F(ControllerTest, StopWaitsForWhatRunsAndGivesUpAtTheDeadline) {
  open(true);
  PlayedWorker a(*hub_, "a", 7);
  a.hello();
  ASSERT_TRUE(until([&] { return a.slices.size() == 2; }));
  std::optional<ExecutionStatus> reached;
  controller_->stop(2000, [&](Result<ExecutionStatus> status) { reached = *status; });
  ASSERT_TRUE(until([&] { return reached.has_value(); }));
  EXPECT_EQ(reached, ExecutionStatus::stopping);
  EXPECT_TRUE(a.told_to_leave);
  a.say(wire::Heartbeat{a.epoch, true});
  loop_.advance(1s);
  EXPECT_FALSE(outcome_) << "a slice still runs";
  loop_.advance(1500ms);
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(outcome_->status, ExecutionStatus::stopped);
  EXPECT_THAT(monitor_.killed, testing::Contains(7));
  controller_.reset();
  const auto counts = (*view_ledger(launch_.ledger_directory))->open_counts();
  EXPECT_EQ(counts->start, 2u);
  EXPECT_EQ(counts->pending, 2u);
}

TEST_F(ControllerTest, AWorkerThatComesDuringAStopIsSentAway) {
  open();
  PlayedWorker a(*hub_, "a"), late(*hub_, "late");
  a.hello();
  ASSERT_TRUE(until([&] { return a.slices.size() == 2; }));
  controller_->stop(60'000, [](const Result<ExecutionStatus>&) {});
  ASSERT_TRUE(until([&] { return a.told_to_leave; }));
  late.hello();
  ASSERT_TRUE(until([&] { return late.told_to_leave; }));
  late.say(wire::Goodbye{});
  a.finish(a.slices[0]);
  a.say(wire::Goodbye{});
  ASSERT_TRUE(until_ended()) << "long before the deadline";
  EXPECT_EQ(outcome_->status, ExecutionStatus::stopped);
  EXPECT_TRUE(late.slices.empty());
}

TEST_F(ControllerTest, ASuccessorTakesWhatTheWorkerHoldsAndWhatItFinished) {
  open();
  {
    PlayedWorker a(*hub_, "a");
    a.hello();
    ASSERT_TRUE(until([&] { return a.slices.size() == 2; }));
    const auto finished = a.slices[0], held = a.slices[1];
    launch_.epoch = 2;
    launch_.living_workers = 1;
    open();
    PlayedWorker again(*hub_, "a");
    again.hello({{held.key, held.attempt}}, {again.result_of(finished)});
    ASSERT_TRUE(until([&] { return processed() == 1; }));
    EXPECT_TRUE(again.welcome->cancelled.empty());
    for (const auto& slice : again.slices)
      EXPECT_THAT(slice.key.order, testing::AllOf(testing::Ne(finished.key.order), testing::Ne(held.key.order)));
    again.finish(held);  // under its old attempt
    for (const auto& slice : again.slices) again.finish(slice);
    again.work();
    ASSERT_TRUE(until_ended());
  }
  EXPECT_EQ(outcome_->status, ExecutionStatus::completed);
  EXPECT_EQ(outcome_->counters.processed, 4u);
}

// Its workers may stage output, and their results count as in every stop.
TEST_F(ControllerTest, I1_WhatAnEarlierControllerSweptIsNotAdopted) {
  set_end(20);
  launch_.job.plan = {launch_.job.plan.operation(0),
                      {.name = "file_exporter", .options = {{"path", directory_ + "/out"}, {"format", "ldjson"}}}};
  launch_.settings.reattach_ms = 1'000;
  open();
  PlayedWorker a(*hub_, "a");
  a.hello();
  ASSERT_TRUE(until([&] { return a.slices.size() == 2; }));
  // Of the first one an earlier controller has removed the file, the second one is there.
  std::vector<wire::SliceResult> unacked;
  for (const auto& slice : a.slices) {
    unacked.push_back(a.result_of(slice));
    unacked.back().output = {.present = true, .records = 1, .bytes = 2};
  }
  const auto layout = *file_layout(launch_.job.plan.operation(1).options, launch_.ex_id);
  const auto file = posix_files().create(layout.staged_path(a.slices[1].key, a.slices[1].attempt));
  ASSERT_TRUE(file && (*file)->write("1\n"));
  launch_.epoch = 2;
  launch_.living_workers = 1;
  open();
  PlayedWorker b(*hub_, "a");
  b.hello({}, unacked);
  ASSERT_TRUE(until([&] { return processed() == 1 && b.slices.size() == 1 && b.acked == 2; }));
  EXPECT_EQ(b.slices[0].key, unacked[0].key);
  b.finish(b.slices[0]);
  b.work();
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(outcome_->status, ExecutionStatus::completed) << outcome_->reason;
  EXPECT_EQ(outcome_->counters.failed, 0u);
}

TEST_F(ControllerTest, AStopThatAnEarlierControllerWasToldWaitsForItsWorkers) {
  open();
  PlayedWorker a(*hub_, "a");
  a.hello();
  ASSERT_TRUE(until([&] { return a.slices.size() == 2; }));
  const auto first = a.slices[0], second = a.slices[1];
  bool answered = false;
  controller_->stop(60'000, [&](const Result<ExecutionStatus>&) { answered = true; });
  ASSERT_TRUE(until([&] { return answered; }));
  launch_.epoch = 2;
  launch_.living_workers = 1;
  open();
  EXPECT_EQ(controller_->status(), ExecutionStatus::stopping);
  PlayedWorker again(*hub_, "a");
  again.hello({{first.key, first.attempt}, {second.key, second.attempt}});
  ASSERT_TRUE(until([&] { return again.told_to_leave; }));
  EXPECT_FALSE(outcome_);
  again.finish(first);
  again.finish(second);
  again.say(wire::Goodbye{});
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(outcome_->status, ExecutionStatus::stopped);
  EXPECT_EQ(outcome_->counters.processed, 2u);
}

TEST_F(ControllerTest, WhoComesTooLateRunsItsSlicesAgain) {
  open();
  PlayedWorker a(*hub_, "a");
  a.hello();
  ASSERT_TRUE(until([&] { return a.slices.size() == 2; }));
  const auto finished = a.slices[0], held = a.slices[1];
  launch_.epoch = 2;
  launch_.living_workers = 1;
  open();
  loop_.advance(std::chrono::milliseconds(launch_.settings.reattach_ms) + 1ms);
  PlayedWorker again(*hub_, "a");
  again.hello({{held.key, held.attempt}}, {again.result_of(finished)});
  ASSERT_TRUE(until([&] { return again.slices.size() == 2; }));
  EXPECT_EQ(again.slices[0].key, finished.key) << "what it staged may be swept by now";
  ASSERT_EQ(again.welcome->cancelled.size(), 1u);
  EXPECT_EQ(again.welcome->cancelled[0].key, held.key);
  EXPECT_EQ(processed(), 0u);
}

// A recovery replays what waits, so little of what can be made at any time waits.
TEST_F(ControllerTest, AnEndlessSourceIsFewSlicesAhead) {
  launch_.job.persistent = true;
  launch_.job.plan.nodes[0].operation = {.name = "data_generator", .options = {{"size", 10}}};
  open();
  PlayedWorker a(*hub_, "a"), b(*hub_, "b");
  a.hello();
  b.hello();
  ASSERT_TRUE(until([&] { return a.slices.size() == 2 && b.slices.size() == 2; })) << "one running, one waiting each";
  const auto queued = [&] { return static_cast<int>(stats().queued); };
  EXPECT_LE(queued(), 6) << "three for each worker";
  for (std::size_t round = 0; round < 20; ++round) {  // slices of a second
    auto result = a.result_of(a.slices[round]);
    result.busy_us = 1'000'000;
    a.say(wire::Results{a.epoch, round + 1, {result}});
    ASSERT_TRUE(until([&] { return a.slices.size() == round + 3; })) << round;
    loop_.advance(100ms);
    EXPECT_LE(queued(), 6) << round;
  }
  // Small slices: enough for the time until the next ones are durable.
  a.work();
  a.finish(a.slices.back());
  ASSERT_TRUE(until([&] { return a.worked.size() > 3'000; }));
}

// Clients that resume wait for `running`.
TEST_F(ControllerTest, WhatWasPausedWhileFailingRunsWhenItIsResumedUntilTheNextSliceFails) {
  open();
  PlayedWorker a(*hub_, "a");
  a.hello();
  ASSERT_TRUE(until([&] { return a.slices.size() == 2; }));
  a.finish(a.slices[0], wire::Outcome::failed_for_good);
  ASSERT_TRUE(until([&] { return controller_->status() == ExecutionStatus::failing; }));
  std::vector<ExecutionStatus> reached;
  const auto note = [&](const Result<ExecutionStatus>& status) { reached.push_back(*status); };
  controller_->resume(note);
  ASSERT_TRUE(until([&] { return reached.size() == 1; }));
  EXPECT_EQ(reached[0], ExecutionStatus::failing) << "nothing was paused";
  controller_->pause(note);
  ASSERT_TRUE(until([&] { return reached.size() == 2; }));
  controller_->resume(note);
  ASSERT_TRUE(until([&] { return reached.size() == 3; }));
  EXPECT_EQ(reached[1], ExecutionStatus::paused);
  EXPECT_EQ(reached[2], ExecutionStatus::running);
  ASSERT_TRUE(until([&] { return a.slices.size() >= 3; }));
  a.finish(a.slices[a.slices.size() - 1], wire::Outcome::failed_for_good);
  ASSERT_TRUE(until([&] { return controller_->status() == ExecutionStatus::failing; }));
  a.work();
  for (const auto& slice : a.slices) a.finish(slice);
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(outcome_->status, ExecutionStatus::failed);
  EXPECT_THAT(outcome_->reason, HasSubstr("2 slices failed"));
}

TEST_F(ControllerTest, AnOlderEpochIsRefused) {
  open();
  controller_.reset();
  const auto fenced = Controller::open({.loop = loop_, .workers = *server_, .files = posix_files()}, launch_);
  ASSERT_FALSE(fenced);
  EXPECT_EQ(fenced.error().code, ErrorCode::conflict);
}

TEST_F(ControllerTest, NoWorkerEverIsAFailureWithItsReason) {
  open();
  ASSERT_TRUE(until([&] { return controller_->status() == ExecutionStatus::running; }));
  loop_.advance(std::chrono::milliseconds(launch_.settings.slicer_timeout_ms) + 5s);
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(outcome_->status, ExecutionStatus::failed);
  EXPECT_THAT(outcome_->reason, HasSubstr("No workers have connected to slicer"));
}

TEST_F(ControllerTest, AWorkerThatCannotBuildThePipelineFailsTheExecution) {
  open();
  PlayedWorker a(*hub_, "a");
  a.hello();
  ASSERT_TRUE(until([&] { return a.welcome.has_value(); }));
  a.say(wire::Goodbye{"operations[1] noop: broken"});
  loop_.run_ready();
  loop_.advance(3s);
  ASSERT_TRUE(until_ended());
  EXPECT_THAT(outcome_->reason, HasSubstr("operations[1] noop: broken"));
}

}  // namespace
}  // namespace slicemill::controller
