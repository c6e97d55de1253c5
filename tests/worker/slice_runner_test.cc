#include "worker/slice_runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "core/model/job_spec_v0.h"
#include "core/outputs/file_layout.h"

namespace slicemill {
namespace {

JobSpec job_of(const std::string& operations) {
  return job_spec_of_v0({{"operations", Json::parse(operations)}});
}

using testing::ElementsAre;
using testing::HasSubstr;

// What the operations below did, in order, and what they are to do.
struct Trace {
  std::vector<std::string> events;
  std::vector<std::string> written;
  SliceContext slice;
  std::string ex_id, lineage_id;
  std::string fail_at;  // the event that fails
  bool syncs = false;   // what is staged is not durable yet
  bool throws = false;  // by an exception
  bool is_retryable = true;
  ErrorCode code = ErrorCode::io;
  std::atomic<bool>* cancel_at_read = nullptr;
  int batches = 2;
  std::vector<std::string> columns;  // of the source
  std::vector<std::vector<std::string>> told;

  Result<void> event(const std::string& name) {
    events.push_back(name);
    if (fail_at != name) return {};
    if (throws) throw std::runtime_error("thrown at " + name);
    return Error(code, "failed at " + name, is_retryable);
  }
};

class TracedReader final : public Reader {
 public:
  explicit TracedReader(Trace& trace) : trace_(trace) {}
  Result<void> initialize(const OperationContext&) override { return trace_.event("reader.initialize"); }
  Result<void> open(const SliceContext& slice) override {
    trace_.slice = slice;  // its views end with the slice
    trace_.ex_id = slice.ex_id;
    trace_.lineage_id = slice.lineage_id;
    next_ = 0;
    return trace_.event("reader.open");
  }
  Result<void> read(RecordBatch& batch) override {
    EXPECT_TRUE(batch.records.empty());
    RETURN_IF_ERROR(trace_.event("reader.read"));
    if (next_ == trace_.batches) return {};
    if (trace_.cancel_at_read != nullptr) *trace_.cancel_at_read = true;
    batch.append_copy("a" + std::to_string(next_));
    batch.append_copy("b" + std::to_string(next_++));
    return {};
  }
  const std::vector<std::string>* columns() const override {
    return trace_.columns.empty() ? nullptr : &trace_.columns;
  }

 private:
  Trace& trace_;
  int next_ = 0;
};

// Drops records that begin with its option `drop`, holds back one record for the end.
class TracedProcessor final : public Processor {
 public:
  explicit TracedProcessor(Trace& trace) : trace_(trace) {}
  Result<void> initialize(const OperationContext& context) override {
    name_ = "p" + std::to_string(context.index);
    drop_ = context.operation.options.value("drop", "-");
    return {};
  }
  Result<void> begin(const SliceContext&) override { return trace_.event(name_ + ".begin"); }
  Result<void> process(RecordBatch& batch) override {
    RETURN_IF_ERROR(trace_.event(name_ + ".process " + std::to_string(batch.records.size())));
    std::erase_if(batch.records, [&](std::string_view record) { return record.starts_with(drop_); });
    return {};
  }
  Result<void> finish(RecordBatch& batch) override {
    RETURN_IF_ERROR(trace_.event(name_ + ".finish"));
    batch.append_copy(name_ + "-last");
    return {};
  }
  void change_columns(std::vector<std::string>& columns) const override { columns.push_back(name_); }

 private:
  Trace& trace_;
  std::string name_, drop_;
};

// Gives each record of a batch on in a batch of its own, and three more at the end.
class TracedDivider final : public Processor {
 public:
  explicit TracedDivider(Trace& trace) : trace_(trace) {}
  Result<void> initialize(const OperationContext&) override { return {}; }
  Result<void> process(RecordBatch& batch) override {
    for (const auto record : batch.records) left_.emplace_back(record);
    return next(batch);
  }
  Result<bool> more(RecordBatch& batch) override {
    if (left_.empty()) return false;
    RETURN_IF_ERROR(next(batch));
    return true;
  }
  Result<void> finish(RecordBatch& batch) override {
    left_ = {"x", "y", "z"};
    return next(batch);
  }
  void abandon() override { (void)trace_.event("divider.abandon"); }

 private:
  Result<void> next(RecordBatch& batch) {
    batch.clear();
    batch.append_copy(left_.front());
    left_.erase(left_.begin());
    return trace_.event("divider.gives");
  }

  Trace& trace_;
  std::vector<std::string> left_;
};

class TracedSender final : public Sender {
 public:
  explicit TracedSender(Trace& trace) : trace_(trace) {}
  Result<void> initialize(const OperationContext&) override { return {}; }
  Result<void> begin(const SliceContext&) override {
    trace_.written.clear();
    return trace_.event("sender.begin");
  }
  Result<void> expect_columns(const std::vector<std::string>& columns) override {
    trace_.told.push_back(columns);
    return trace_.event("sender.columns");
  }
  Result<void> write(RecordBatch& batch) override {
    for (const auto record : batch.records) trace_.written.emplace_back(record);
    return trace_.event("sender.write");
  }
  Result<StagedOutput> stage() override {
    RETURN_IF_ERROR(trace_.event("sender.stage"));
    return StagedOutput{
        .facts = {.present = !trace_.written.empty(),
                  .records = trace_.written.size(),
                  .bytes = 1,
                  .checksum = 2,
                  .request_hash = 0},
        .sync = trace_.syncs ? [this] { return trace_.event("sender.sync"); } : std::function<Result<void>()>()};
  }
  void abandon() override { (void)trace_.event("sender.abandon"); }

 private:
  Trace& trace_;
};

class SliceRunnerTest : public testing::Test {
 protected:
  SliceRunnerTest() {
    add("read", OperationKind::reader, CommitClass::none, [this] { return std::make_unique<TracedReader>(trace_); });
    add("work", OperationKind::processor, CommitClass::none,
        [this] { return std::make_unique<TracedProcessor>(trace_); });
    add("divide", OperationKind::processor, CommitClass::none,
        [this] { return std::make_unique<TracedDivider>(trace_); });
    add(
        "gather", OperationKind::processor, CommitClass::none,
        [this] { return std::make_unique<TracedProcessor>(trace_); }, true);
    add("show", OperationKind::processor, CommitClass::at_least_once,
        [this] { return std::make_unique<TracedProcessor>(trace_); });
    add("send", OperationKind::sender, CommitClass::staged, [this] { return std::make_unique<TracedSender>(trace_); });
    add("liar", OperationKind::sender, CommitClass::staged, [this] { return std::make_unique<TracedReader>(trace_); });
  }

  void add(std::string name, OperationKind kind, CommitClass commit, std::function<std::unique_ptr<Operation>()> make,
           bool whole = false) {
    OperationSchema schema;
    schema.name = std::move(name);
    schema.kind = kind;
    schema.commit = commit;
    schema.needs_whole_slice = whole;
    registry_.add({std::move(schema), std::move(make)});
  }

  Result<std::unique_ptr<SliceRunner>> runner(const std::string& operations,
                                              std::vector<std::string> lineage = {"ex-0", "ex-1"}) {
    return make_slice_runner(job_of(operations), std::move(lineage), {"worker"}, registry_);
  }

  wire::SliceResult run(const std::string& operations, const std::atomic<bool>* cancelled = nullptr) {
    auto made = runner(operations);
    EXPECT_TRUE(made) << made.error().message;
    trace_.events.clear();
    ran_ = std::move(*made);
    return ran_->run(order(), cancelled);
  }

  static wire::SliceOrder order() { return {{1, 2, 3, 1}, {4, 5}, 678, R"({"x":1})"}; }

  static constexpr auto kLine = R"([{"_op":"read"},{"_op":"work","drop":"b"},{"_op":"send"}])";
  Trace trace_;
  OperationRegistry registry_;
  std::unique_ptr<SliceRunner> ran_;  // what was traced looks into it
};

TEST_F(SliceRunnerTest, TakesBatchesThroughAndReportsFacts) {
  const auto result = run(kLine);
  EXPECT_EQ(result.outcome, wire::Outcome::completed) << result.error;
  EXPECT_THAT(trace_.events, ElementsAre("reader.open", "p1.begin", "sender.begin", "reader.read", "p1.process 2",
                                         "sender.write", "reader.read", "p1.process 2", "sender.write", "reader.read",
                                         "p1.finish", "sender.write", "sender.stage"));
  EXPECT_THAT(trace_.written, ElementsAre("a0", "a1", "p1-last"));
  EXPECT_EQ(result.records_in, 4U);
  EXPECT_EQ(result.records_out, 3U);
  EXPECT_EQ(result.output.records, 3U);
  EXPECT_EQ(result.output.request_hash, request_hash(R"({"x":1})"));
  EXPECT_EQ(result.key, order().key);
  EXPECT_EQ(result.attempt, order().attempt);
}

TEST_F(SliceRunnerTest, TellsTheSenderTheColumnsOfTheSourceOncePerSlice) {
  trace_.columns = {"id", "name"};
  auto made = runner(R"([{"_op":"read"},{"_op":"work"},{"_op":"work"},{"_op":"send"}])");
  for (int slice = 0; slice < 2; ++slice) {
    trace_.told.clear();
    EXPECT_EQ((*made)->run(order()).outcome, wire::Outcome::completed);
    EXPECT_THAT(trace_.told, ElementsAre(ElementsAre("id", "name", "p1", "p2")));
  }
  trace_.fail_at = "sender.columns";
  EXPECT_THAT((*made)->run(order()).error, HasSubstr("operations[3] send: failed at sender.columns"));
}

TEST_F(SliceRunnerTest, TellsOperationsWhoseSliceItIs) {
  run(kLine);
  EXPECT_EQ(trace_.slice.slice_id(), slice_id("ex-1", order().key));
  EXPECT_EQ(trace_.ex_id, "ex-1");
  EXPECT_EQ(trace_.lineage_id, "ex-0");
  EXPECT_EQ(trace_.slice.created_ms, 678);
  EXPECT_EQ(trace_.slice.attempt.epoch, 4U);
}

TEST_F(SliceRunnerTest, WhatIsHeldBackPassesThoseBehind) {
  run(R"([{"_op":"read"},{"_op":"work","drop":"a"},{"_op":"work","drop":"b"},{"_op":"send"}])");
  EXPECT_THAT(trace_.written, ElementsAre("p1-last", "p2-last"));
}

TEST_F(SliceRunnerTest, OnePipelineServesManySlices) {
  auto made = runner(kLine);
  for (int i = 0; i < 3; ++i) {
    const auto result = (*made)->run(order());
    EXPECT_EQ(result.outcome, wire::Outcome::completed);
    EXPECT_EQ(result.records_in, 4U);
  }
  trace_.fail_at = "sender.write";
  EXPECT_EQ((*made)->run(order()).outcome, wire::Outcome::failed);
  trace_.fail_at.clear();
  EXPECT_EQ((*made)->run(order()).outcome, wire::Outcome::completed);
}

TEST_F(SliceRunnerTest, WithoutASenderTheOutputIsDropped) {
  const auto result = run(R"([{"_op":"read"},{"_op":"work"}])");
  EXPECT_EQ(result.outcome, wire::Outcome::completed);
  EXPECT_EQ(result.records_out, 5U);
  EXPECT_FALSE(result.output.present);
}

TEST_F(SliceRunnerTest, EmptySlicesStageNothing) {
  trace_.batches = 0;
  const auto result = run(R"([{"_op":"read"},{"_op":"send"}])");
  EXPECT_EQ(result.outcome, wire::Outcome::completed);
  EXPECT_FALSE(result.output.present);
  EXPECT_EQ(result.output.request_hash, 0U);
}

TEST_F(SliceRunnerTest, AnOutputCountsOnceItIsSynced) {
  trace_.syncs = true;
  auto made = runner(kLine);
  WorkedSlice worked = (*made)->work(order(), nullptr);
  EXPECT_EQ(trace_.events.back(), "sender.stage");
  EXPECT_EQ((*made)->run(order()).outcome, wire::Outcome::completed);  // the next one may come before
  const wire::SliceResult result = std::move(worked).finish();
  EXPECT_EQ(trace_.events.back(), "sender.sync");
  EXPECT_EQ(result.outcome, wire::Outcome::completed);
  EXPECT_TRUE(result.output.present);

  trace_.fail_at = "sender.sync";
  const wire::SliceResult failed = (*made)->run(order());
  EXPECT_EQ(failed.outcome, wire::Outcome::failed);
  EXPECT_THAT(failed.error, HasSubstr("operations[2] send: failed at sender.sync"));
  EXPECT_FALSE(failed.output.present);
}

TEST_F(SliceRunnerTest, WholeSliceComesAsOneBatch) {
  run(R"([{"_op":"read"},{"_op":"gather"},{"_op":"send"}])");
  EXPECT_THAT(trace_.written, ElementsAre("a0", "b0", "a1", "b1", "p1-last"));
  EXPECT_EQ(std::count(trace_.events.begin(), trace_.events.end(), "p1.process 4"), 1);
}

TEST_F(SliceRunnerTest, AProcessorMayGiveMoreBatchesThanItTakes) {
  run(R"([{"_op":"read"},{"_op":"divide"},{"_op":"work","drop":"a0"},{"_op":"send"}])");
  EXPECT_THAT(trace_.written, ElementsAre("b0", "a1", "b1", "x", "y", "z", "p2-last"));
  EXPECT_EQ(std::count(trace_.events.begin(), trace_.events.end(), "p2.process 1"), 7);
}

TEST_F(SliceRunnerTest, AWholeSliceIsGatheredWhereItIsNeeded) {
  run(R"([{"_op":"read"},{"_op":"divide"},{"_op":"gather"},{"_op":"send"}])");
  EXPECT_THAT(trace_.written, ElementsAre("a0", "b0", "a1", "b1", "x", "y", "z", "p2-last"));
  EXPECT_EQ(std::count(trace_.events.begin(), trace_.events.end(), "p2.process 7"), 1);
}

TEST_F(SliceRunnerTest, ProcessorsForgetASliceThatFails) {
  trace_.fail_at = "sender.write";
  run(R"([{"_op":"read"},{"_op":"divide"},{"_op":"send"}])");
  EXPECT_EQ(std::count(trace_.events.begin(), trace_.events.end(), "divider.abandon"), 1);
}

TEST_F(SliceRunnerTest, ReportsWhatEachOperationDid) {
  const auto figures = run(kLine).operations;
  ASSERT_EQ(figures.size(), 3U);
  EXPECT_EQ(figures[0].records, 4U);
  EXPECT_EQ(figures[0].bytes, 8U);
  EXPECT_EQ(figures[1].records, 3U);
  EXPECT_EQ(figures[1].bytes, 4U + 7U);
  EXPECT_EQ(figures[2].records, 3U);
  for (const auto& one : figures) EXPECT_GT(one.time_ns, 0U);

  JobSpec unmeasured = job_of(kLine);
  unmeasured.measures = false;
  auto silent = make_slice_runner(unmeasured, {"a", "b"}, {"worker"}, registry_);
  ASSERT_TRUE(silent);
  EXPECT_TRUE((*silent)->run(order()).operations.empty());
}

TEST_F(SliceRunnerTest, OfShortSlicesOnlySomeAreMeasured) {
  auto runner = make_slice_runner(job_of(kLine), {"a", "b"}, {"worker"}, registry_);
  ASSERT_TRUE(runner);
  EXPECT_TRUE(wire::is_measured((*runner)->run(order()))) << "the first one always is";
  int measured = 0;
  for (int i = 0; i < 1000; ++i) {
    const auto result = (*runner)->run(order());
    measured += wire::is_measured(result) ? 1 : 0;
    ASSERT_EQ(result.operations.size(), 3U);
    ASSERT_EQ(result.operations[1].records, 3U) << "all are counted";
  }
  EXPECT_GE(measured, 1000 / 32);
  EXPECT_LT(measured, 1000);
}

// Every step may fail, by value or by exception: the result says where, and the sender forgets what it began.
TEST_F(SliceRunnerTest, EveryFailureIsAResultThatNamesThePlace) {
  const std::vector<std::pair<std::string, std::string>> steps = {
      {"reader.open", "operations[0] read"},  {"reader.read", "operations[0] read"},
      {"p1.begin", "operations[1] work"},     {"p1.process 2", "operations[1] work"},
      {"p1.finish", "operations[1] work"},    {"sender.begin", "operations[2] send"},
      {"sender.write", "operations[2] send"}, {"sender.stage", "operations[2] send"}};
  for (const bool throws : {false, true}) {
    for (const auto& [step, place] : steps) {
      trace_.fail_at = step;
      trace_.throws = throws;
      const auto result = run(kLine);
      EXPECT_EQ(result.outcome, wire::Outcome::failed) << step;
      EXPECT_EQ(result.error, throws ? "an operation threw: thrown at " + step : place + ": failed at " + step);
      EXPECT_FALSE(result.output.present);
      const auto began = std::count(trace_.events.begin(), trace_.events.end(), "sender.begin");
      EXPECT_EQ(std::count(trace_.events.begin(), trace_.events.end(), "sender.abandon"), began) << step;
    }
  }
}

TEST_F(SliceRunnerTest, BadInputIsNotTriedAgain) {
  trace_.fail_at = "p1.process 2";
  for (const auto& [code, retryable, outcome] :
       {std::tuple{ErrorCode::io, true, wire::Outcome::failed},
        std::tuple{ErrorCode::io, false, wire::Outcome::failed_for_good},
        std::tuple{ErrorCode::invalid, true, wire::Outcome::failed_for_good},
        std::tuple{ErrorCode::unsupported, true, wire::Outcome::failed_for_good}}) {
    trace_.code = code;
    trace_.is_retryable = retryable;
    EXPECT_EQ(run(kLine).outcome, outcome);
  }
}

TEST_F(SliceRunnerTest, AnObstacleOfTheOutputIsNotTheSlicesFault) {
  trace_.code = ErrorCode::no_space;
  for (const std::string step : {"sender.begin", "sender.write", "sender.stage", "reader.open"}) {
    trace_.fail_at = step;
    EXPECT_EQ(run(kLine).outcome, wire::Outcome::obstructed) << step;
  }
  trace_.fail_at = "reader.read";
  EXPECT_EQ(run(kLine).outcome, wire::Outcome::failed) << "input that cannot be read is the slice's";
}

TEST_F(SliceRunnerTest, CancelEndsTheSliceAtTheNextBatch) {
  std::atomic<bool> cancelled = false;
  trace_.cancel_at_read = &cancelled;
  const auto result = run(kLine, &cancelled);
  EXPECT_EQ(result.outcome, wire::Outcome::failed);
  EXPECT_EQ(result.error, "cancelled");
  EXPECT_EQ(std::count(trace_.events.begin(), trace_.events.end(), "reader.read"), 1);
  EXPECT_EQ(trace_.events.back(), "sender.abandon");
}

TEST_F(SliceRunnerTest, SlicesOfUnknownGenerationsAreRefused) {
  auto made = runner(kLine, {"ex-0"});
  EXPECT_EQ((*made)->run(order()).outcome, wire::Outcome::failed_for_good);
}

TEST_F(SliceRunnerTest, SaysWhatTheOutputPromises) {
  EXPECT_EQ((*runner(kLine))->delivery(), Delivery::exactly_once);
  EXPECT_EQ((*runner(R"([{"_op":"read"},{"_op":"show"}])"))->delivery(), Delivery::at_least_once);
  EXPECT_EQ((*runner(R"([{"_op":"read"},{"_op":"work"}])"))->delivery(), Delivery::none);
}

TEST_F(SliceRunnerTest, BadPipelinesAreNotMade) {
  const auto words = [&](const std::string& operations) {
    auto made = runner(operations);
    return made ? std::string() : made.error().message;
  };
  EXPECT_THAT(words("[]"), HasSubstr("no operations"));
  EXPECT_THAT(words(R"([{"_op":"work"},{"_op":"send"}])"), HasSubstr("operations[0] work: must be a reader"));
  EXPECT_THAT(words(R"([{"_op":"read"},{"_op":"nothing"}])"),
              HasSubstr("operations[1] nothing: this worker does not know"));
  EXPECT_THAT(words(R"([{"_op":"read"},{"_op":"send"},{"_op":"work"}])"),
              HasSubstr("operations[1] send: a sender gives no records to others"));
  EXPECT_THAT(words(R"([{"_op":"read"},{"_op":"liar"}])"), HasSubstr("not of the kind"));
  trace_.fail_at = "reader.initialize";
  EXPECT_THAT(words(kLine), HasSubstr("operations[0] read: failed at reader.initialize"));
  trace_.throws = true;
  EXPECT_THAT(words(kLine), HasSubstr("thrown at reader.initialize"));
  EXPECT_FALSE(runner(kLine, {}));
}

// The real operations, from slice request to records.
TEST(SliceRunner, RunsBuiltInOperations) {
  const JobSpec job = job_of(R"([{"_op":"id_range","end":100},{"_op":"filter@standard","field":"id","max":49},
                                 {"_op":"selection","fields":{"n":"id"}},{"_op":"noop"}])");
  auto made = make_slice_runner(job, {"ex"}, {"worker"});
  ASSERT_TRUE(made) << made.error().message;
  const auto result = (*made)->run({{0, 0, 1, 1}, {1, 1}, 0, R"({"start":0,"end":100})"});
  EXPECT_EQ(result.outcome, wire::Outcome::completed) << result.error;
  EXPECT_EQ(result.records_in, 100U);
  EXPECT_EQ(result.records_out, 50U);
  const auto bad = (*made)->run({{0, 0, 2, 1}, {1, 1}, 0, "{}"});
  EXPECT_EQ(bad.outcome, wire::Outcome::failed_for_good);
  EXPECT_THAT(bad.error, HasSubstr("operations[0] id_range: slice request {}"));
}

}  // namespace
}  // namespace slicemill
