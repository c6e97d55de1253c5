// A slice with bad records, from order to result: what is in its output, what is quarantined, what makes it fail.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>

#include "core/model/job_spec_v0.h"
#include "worker/slice_runner.h"

namespace slicemill {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// What the operations below do, and what came of it.
struct Script {
  std::vector<std::string> input;
  std::set<std::string> fails;    // records that `work` fails on without naming them
  std::set<std::string> refuses;  // records that `work` names
  std::set<std::string> reader_refuses;
  bool throws = false;
  bool is_retryable = true;
  ErrorCode code = ErrorCode::io;
  int failures_left = 1'000'000;
  std::vector<std::string> staged;
  int stagings = 0, runs = 0;
};

class ListReader final : public Reader {
 public:
  explicit ListReader(Script& script) : script_(script) {}
  Result<void> initialize(const OperationContext& context) override {
    rejecter_ = RecordRejecter(context);
    return {};
  }
  Result<void> open(const SliceContext&) override {
    ++script_.runs;
    left_ = script_.input;
    return {};
  }
  Result<void> open_text(const SliceContext&, std::string_view text) override {
    left_ = {std::string(text)};
    return {};
  }
  Result<void> read(RecordBatch& batch) override {
    while (!left_.empty() && batch.records.size() < 3) {
      const std::string record = left_.front();
      left_.erase(left_.begin());
      if (record == "nothing") continue;
      if (script_.reader_refuses.contains(record)) {
        RETURN_IF_ERROR(rejecter_.reject(record, Error(ErrorCode::invalid, "no record"), "list: " + record));
      } else {
        batch.append_copy(record);
      }
    }
    return {};
  }

 private:
  Script& script_;
  RecordRejecter rejecter_;
  std::vector<std::string> left_;
};

// Upper case, so that one sees which operations a record has passed.
class Worker final : public Processor {
 public:
  explicit Worker(Script& script) : script_(script) {}
  Result<void> initialize(const OperationContext& context) override {
    rejecter_ = RecordRejecter(context);
    suffix_ = context.operation.options.value("suffix", "");
    return {};
  }
  Result<void> process(RecordBatch& batch) override {
    std::vector<std::string> kept;
    for (const auto view : batch.records) {
      const std::string record(view);
      if (script_.fails.contains(record) && script_.failures_left > 0) {
        --script_.failures_left;
        if (script_.throws) throw std::runtime_error("thrown");
        return Error(script_.code, "some record is bad", script_.is_retryable);
      }
      if (script_.refuses.contains(record)) {
        RETURN_IF_ERROR(rejecter_.reject(record, Error(ErrorCode::invalid, "is bad")));
        continue;
      }
      kept.push_back(record + suffix_);
    }
    batch.clear();
    for (const auto& record : kept) batch.append_copy(record);
    return {};
  }

 private:
  Script& script_;
  RecordRejecter rejecter_;
  std::string suffix_;
};

class ListSender final : public Sender {
 public:
  explicit ListSender(Script& script) : script_(script) {}
  Result<void> initialize(const OperationContext&) override { return {}; }
  Result<void> begin(const SliceContext&) override {
    written_.clear();
    return {};
  }
  Result<void> write(RecordBatch& batch) override {
    for (const auto record : batch.records) written_.emplace_back(record);
    return {};
  }
  Result<StagedOutput> stage() override {
    ++script_.stagings;
    script_.staged = written_;
    return StagedOutput{.facts = {.present = true, .records = written_.size()}};
  }
  void abandon() override { written_.clear(); }

 private:
  Script& script_;
  std::vector<std::string> written_;
};

class QuarantineRunTest : public testing::Test {
 protected:
  QuarantineRunTest() {
    add("read", OperationKind::reader, [this] { return std::make_unique<ListReader>(script_); });
    add("work", OperationKind::processor, [this] { return std::make_unique<Worker>(script_); });
    add(
        "gather", OperationKind::processor, [this] { return std::make_unique<Worker>(script_); }, true);
    add("send", OperationKind::sender, [this] { return std::make_unique<ListSender>(script_); });
  }
  void add(std::string name, OperationKind kind, std::function<std::unique_ptr<Operation>()> make, bool whole = false) {
    OperationSchema schema;
    schema.name = std::move(name);
    schema.kind = kind;
    schema.needs_whole_slice = whole;
    registry_.add({std::move(schema), std::move(make)});
  }
  wire::SliceResult run(const std::string& request = R"({"x":1})", bool last_try = true) {
    auto made =
        make_slice_runner(job_spec_of_v0({{"operations", Json::parse(operations_)}}), {"ex-0"}, {"w"}, registry_);
    EXPECT_TRUE(made) << made.error().message;
    return (*made)->run({{0, 0, 3, 1}, {1, 1}, 0, request, last_try}, &cancelled_);
  }
  static std::vector<std::string> bytes(const wire::SliceResult& result) {
    std::vector<std::string> all;
    for (const auto& record : result.quarantined) all.push_back(record.bytes);
    return all;
  }
  static std::string redriven(std::uint32_t entry, std::string operation, std::vector<std::string> records) {
    RedrivenRequest request{{entry, std::move(operation)}, {}};
    for (auto& record : records) request.records.push_back({"place of " + record, record});
    return to_text(request);
  }

  Script script_{.input = {"a", "b", "c", "d", "e", "f", "g"}};
  std::string operations_ = R"([{"_op":"read","_dead_letter_action":"quarantine"},)"
                            R"({"_op":"work","_dead_letter_action":"quarantine","suffix":"!"},{"_op":"send"}])";
  std::atomic<bool> cancelled_ = false;
  OperationRegistry registry_;
};

TEST_F(QuarantineRunTest, NamedRecordsAreLeftOutAndKept) {
  script_.refuses = {"b"};
  script_.reader_refuses = {"f"};
  const auto result = run();
  EXPECT_EQ(result.outcome, wire::Outcome::completed) << result.error;
  EXPECT_THAT(script_.staged, ElementsAre("a!", "c!", "d!", "e!", "g!"));
  ASSERT_EQ(result.quarantined.size(), 2U);
  EXPECT_EQ(result.quarantined[0],
            (QuarantinedRecord{"operations[1] work", {1, ""}, R"(slice {"x":1})", "b", "is bad"}));
  EXPECT_EQ(result.quarantined[1], (QuarantinedRecord{"operations[0] read", {0, ""}, "list: f", "f", "no record"}));
  EXPECT_EQ(result.records_in, 7U) << "read, whatever became of them";
  EXPECT_EQ(result.records_out, 5U);
  EXPECT_EQ(script_.runs, 1);
}

TEST_F(QuarantineRunTest, AnUnnamedOneIsFoundAndTheRestHasOneOutput) {
  script_.fails = {"c", "g"};
  const auto result = run();
  EXPECT_EQ(result.outcome, wire::Outcome::completed) << result.error;
  EXPECT_THAT(script_.staged, ElementsAre("a!", "b!", "d!", "e!", "f!"));
  EXPECT_EQ(script_.stagings, 1) << "parts of the slice are never staged";
  ASSERT_EQ(result.quarantined.size(), 2U);
  EXPECT_EQ(result.quarantined[0], (QuarantinedRecord{"operations[1] work",
                                                      {1, ""},
                                                      R"(record 3 of slice {"x":1})",
                                                      "c",
                                                      "operations[1] work: some record is bad"}));
  EXPECT_THAT(bytes(result), ElementsAre("c", "g"));
  EXPECT_EQ(result.records_in, 7U);
  EXPECT_EQ(result.records_out, 5U);
}

TEST_F(QuarantineRunTest, AnExceptionIsSearchedToo) {
  script_.fails = {"a"};
  script_.throws = true;
  const auto result = run();
  EXPECT_EQ(result.outcome, wire::Outcome::completed) << result.error;
  EXPECT_THAT(bytes(result), ElementsAre("a"));
  EXPECT_THAT(result.quarantined[0].error, HasSubstr("thrown"));
}

TEST_F(QuarantineRunTest, NamedAndUnnamedTogether) {
  script_.refuses = {"a"};
  script_.fails = {"d"};
  script_.reader_refuses = {"b"};
  const auto result = run();
  EXPECT_EQ(result.outcome, wire::Outcome::completed) << result.error;
  EXPECT_THAT(script_.staged, ElementsAre("c!", "e!", "f!", "g!"));
  auto all = bytes(result);
  EXPECT_THAT(all, testing::UnorderedElementsAre("a", "b", "d")) << "each once, however often it was looked at";
  EXPECT_EQ(result.records_in, 7U);
}

TEST_F(QuarantineRunTest, WholeSliceOperationsSeeAllGoodRecordsTogether) {
  operations_ = R"([{"_op":"read"},{"_op":"gather","_dead_letter_action":"quarantine"},{"_op":"send"}])";
  script_.fails = {"b"};
  const auto result = run();
  EXPECT_EQ(result.outcome, wire::Outcome::completed) << result.error;
  EXPECT_THAT(script_.staged, ElementsAre("a", "c", "d", "e", "f", "g"));
}

TEST_F(QuarantineRunTest, RetriesComeBeforeTheSearch) {
  script_.fails = {"c"};
  EXPECT_EQ(run("{}", false).outcome, wire::Outcome::failed);
  EXPECT_EQ(script_.runs, 1);
  script_.is_retryable = false;  // no retry will come
  EXPECT_THAT(bytes(run("{}", false)), ElementsAre("c"));
}

TEST_F(QuarantineRunTest, NobodyIsConvictedForAMomentsTrouble) {
  script_.fails = {"c"};
  script_.failures_left = 4;  // the slice, its half, a quarter, and once alone
  const auto result = run();
  EXPECT_EQ(result.outcome, wire::Outcome::completed) << result.error;
  EXPECT_THAT(result.quarantined, IsEmpty());
  EXPECT_THAT(script_.staged, ElementsAre("a!", "b!", "c!", "d!", "e!", "f!", "g!"));
}

TEST_F(QuarantineRunTest, OnlyWhereTheJobQuarantines) {
  script_.fails = {"c"};
  for (const char* action : {"throw", "log", "none"}) {
    operations_ = R"([{"_op":"read","_dead_letter_action":"quarantine"},{"_op":"work","_dead_letter_action":")" +
                  std::string(action) + R"("},{"_op":"send","_dead_letter_action":"quarantine"}])";
    script_.runs = 0;
    const auto result = run();
    EXPECT_EQ(result.outcome, wire::Outcome::failed) << action;
    EXPECT_EQ(script_.runs, 1);
    EXPECT_THAT(result.quarantined, IsEmpty());
  }
}

TEST_F(QuarantineRunTest, TroubleThatIsNoRecordsFaultIsNotSearched) {
  script_.fails = {"c"};
  for (const auto code : {ErrorCode::no_space, ErrorCode::unavailable, ErrorCode::cancelled}) {
    script_.code = code;
    script_.runs = 0;
    EXPECT_EQ(run().outcome, code == ErrorCode::no_space ? wire::Outcome::obstructed : wire::Outcome::failed);
    EXPECT_EQ(script_.runs, 1);
  }
}

TEST_F(QuarantineRunTest, ASliceThatFailsAsAWholeIsAnError) {
  script_.input.clear();
  for (int i = 0; i < 200; ++i) script_.input.push_back("x");
  script_.fails = {"x"};
  const auto result = run();
  EXPECT_EQ(result.outcome, wire::Outcome::failed);
  EXPECT_EQ(result.error,
            "operations[1] work: some record is bad; more than 64 records of the slice fail, so it fails as a whole");
  EXPECT_THAT(result.quarantined, IsEmpty());
}

TEST_F(QuarantineRunTest, ARecordThatIsTooLongFailsTheSlice) {
  script_.input[2] = std::string(kLongestQuarantinedBytes + 1, 'x');
  script_.refuses = {script_.input[2]};
  const auto result = run();
  EXPECT_EQ(result.outcome, wire::Outcome::failed_for_good);
  EXPECT_THAT(result.error, HasSubstr("too long to be quarantined"));
  EXPECT_THAT(result.quarantined, IsEmpty());
}

// ---- redriven slices ------------------------------------------------------------------------------------------------

TEST_F(QuarantineRunTest, RedrivenRecordsEnterWhereTheyWereRefused) {
  operations_ = R"([{"_op":"read"},{"_op":"work","suffix":"1"},{"_op":"gather","suffix":"2"},{"_op":"send"}])";
  const std::vector<std::pair<std::string, std::vector<std::string>>> cases = {
      {redriven(0, "", {"x", "y"}), {"x12", "y12"}},
      {redriven(1, "", {"x", "y"}), {"x12", "y12"}},
      {redriven(2, "gather", {"x", "y"}), {"x2", "y2"}},
      {redriven(3, "send", {"x"}), {"x"}},
      {redriven(1, "", {}), {}},
  };
  for (const auto& [request, expected] : cases) {
    const auto result = run(request);
    EXPECT_EQ(result.outcome, wire::Outcome::completed) << result.error;
    EXPECT_EQ(script_.staged, expected) << request;
    EXPECT_THAT(result.quarantined, IsEmpty());
    EXPECT_EQ(result.records_in, expected.size());
  }
  EXPECT_EQ(script_.runs, 0) << "nothing is read from the source";
}

TEST_F(QuarantineRunTest, WhatFailsAgainKeepsItsPlace) {
  script_.reader_refuses = script_.refuses = {"x"};
  script_.fails = {"z"};
  for (const std::uint32_t entry : {0U, 1U}) {
    const auto result = run(redriven(entry, "", {"x", "y", "z"}));
    EXPECT_EQ(result.outcome, wire::Outcome::completed) << result.error;
    EXPECT_THAT(script_.staged, ElementsAre("y!"));
    ASSERT_EQ(result.quarantined.size(), 2U);
    for (const auto& record : result.quarantined) {
      EXPECT_EQ(record.place, "place of " + record.bytes);
      EXPECT_EQ(record.entry, (PipelineEntry{entry, ""})) << record.bytes;
    }
    EXPECT_EQ(result.records_in, 3U);
  }
}

TEST_F(QuarantineRunTest, AnOperationThatMovedIsFoundByItsName) {
  operations_ = R"([{"_op":"read"},{"_op":"work"},{"_op":"work"},{"_op":"gather","suffix":"2"},{"_op":"send"}])";
  EXPECT_EQ(run(redriven(2, "gather", {"x"})).outcome, wire::Outcome::completed);
  EXPECT_THAT(script_.staged, ElementsAre("x2"));
  const auto gone = run(redriven(2, "gone", {"x"}));
  EXPECT_EQ(gone.outcome, wire::Outcome::failed_for_good);
  EXPECT_THAT(gone.error, HasSubstr("operations[2] gone, which the job no longer has"));
  const auto twice = run(redriven(4, "work", {"x"}));
  EXPECT_EQ(twice.outcome, wire::Outcome::failed_for_good);
  EXPECT_THAT(twice.error, HasSubstr("now has elsewhere, and twice"));
}

TEST_F(QuarantineRunTest, ATextThatGivesNothingIsNotLost) {
  const auto result = run(redriven(0, "", {"nothing"}));
  EXPECT_EQ(result.outcome, wire::Outcome::failed_for_good);
  EXPECT_THAT(result.error, HasSubstr("gave no record"));
  operations_ = R"([{"_op":"read","_dead_letter_action":"none"},{"_op":"send"}])";
  EXPECT_EQ(run(redriven(0, "", {"nothing"})).outcome, wire::Outcome::completed) << "the job drops what is bad";
}

TEST_F(QuarantineRunTest, ABrokenRequestIsAnError) {
  const auto result = run(R"({"redriven":{}})");
  EXPECT_EQ(result.outcome, wire::Outcome::failed_for_good);
  EXPECT_THAT(result.error, HasSubstr("slice request of redriven records"));
}

}  // namespace
}  // namespace slicemill
