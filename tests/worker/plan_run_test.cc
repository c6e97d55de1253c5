// A slice through a plan that is a graph: who gets which records where ways part and meet, and what comes of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "core/model/plan_draft.h"
#include "worker/slice_runner.h"

namespace slicemill {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

using Texts = std::vector<std::string>;

struct PlanScript {
  std::map<std::string, Texts> input;    // by reader
  std::set<std::string> refuses;         // records that operations name
  std::string fail_at;                   // node whose stage fails
  std::map<std::string, Texts> staged;   // by sender
  std::map<std::string, Texts> columns;  // by sender
  std::map<std::string, int> abandoned;  // by node
  Texts source_columns;
};

std::string id_of(const OperationContext& context) {
  return context.job.plan.nodes[context.index].id;
}

class ScriptedReader final : public Reader {
 public:
  explicit ScriptedReader(PlanScript& script) : script_(script) {}
  Result<void> initialize(const OperationContext& context) override {
    id_ = id_of(context);
    return {};
  }
  Result<void> open(const SliceContext&) override {
    left_ = script_.input[id_];
    return {};
  }
  Result<void> read(RecordBatch& batch) override {
    while (!left_.empty() && batch.records.size() < 2) {
      batch.append_copy(left_.front());
      left_.erase(left_.begin());
    }
    return {};
  }
  const Texts* columns() const override { return script_.source_columns.empty() ? nullptr : &script_.source_columns; }

 private:
  PlanScript& script_;
  std::string id_;
  Texts left_;
};

// Appends its id to each record and drops those that begin with its option `drop`. "whole": gets the slice in one piece
// and gives its size too.
class Marker final : public Processor {
 public:
  Marker(PlanScript& script, bool is_whole) : script_(script), is_whole_(is_whole) {}
  Result<void> initialize(const OperationContext& context) override {
    id_ = id_of(context);
    rejecter_ = RecordRejecter(context);
    drop_ = context.operation.options.value("drop", "-");
    return {};
  }
  Result<void> process(RecordBatch& batch) override {
    Texts marked;
    for (const auto record : batch.records) {
      if (record.starts_with(drop_)) continue;
      if (script_.refuses.contains(std::string(record)))
        RETURN_IF_ERROR(rejecter_.reject(record, Error(ErrorCode::invalid, "is bad")));
      else
        marked.push_back(std::string(record) + id_);
    }
    if (is_whole_) marked.push_back(std::to_string(batch.records.size()));
    batch.clear();
    for (const std::string& record : marked) batch.append_copy(record);
    return {};
  }
  void abandon() override { ++script_.abandoned[id_]; }
  void change_columns(Texts& columns) const override { columns.push_back(id_); }

 private:
  PlanScript& script_;
  const bool is_whole_;
  std::string id_, drop_;
  RecordRejecter rejecter_;
};

class PlanSender final : public Sender {
 public:
  explicit PlanSender(PlanScript& script) : script_(script) {}
  Result<void> initialize(const OperationContext& context) override {
    id_ = id_of(context);
    changes_ = context.operation.options.value("changes", false);
    return {};
  }
  Result<void> begin(const SliceContext&) override {
    written_.clear();
    return {};
  }
  bool changes_batches() const override { return changes_; }
  Result<void> write(RecordBatch& batch) override {
    for (const auto record : batch.records) written_.emplace_back(record);
    if (changes_) batch.records.clear();
    return {};
  }
  Result<void> expect_columns(const Texts& columns) override {
    script_.columns[id_] = columns;
    return {};
  }
  Result<StagedOutput> stage() override {
    if (script_.fail_at == id_) return Error(ErrorCode::io, "no");
    script_.staged[id_] = written_;
    return StagedOutput{.facts = {.present = !written_.empty(), .records = written_.size(), .bytes = 10}};
  }
  void abandon() override { ++script_.abandoned[id_]; }

 private:
  PlanScript& script_;
  std::string id_;
  bool changes_ = false;
  Texts written_;
};

class PlanRunTest : public testing::Test {
 protected:
  PlanRunTest() {
    const auto add = [this](const char* name, OperationKind kind, auto make, bool whole = false) {
      OperationSchema schema{.name = name, .kind = kind, .needs_whole_slice = whole};
      registry_.add({std::move(schema), make});
    };
    add("read", OperationKind::reader, [this] { return std::make_unique<ScriptedReader>(script_); });
    add("mark", OperationKind::processor, [this] { return std::make_unique<Marker>(script_, false); });
    add(
        "whole", OperationKind::processor, [this] { return std::make_unique<Marker>(script_, true); }, true);
    add("send", OperationKind::sender, [this] { return std::make_unique<PlanSender>(script_); });
    script_.input["in"] = {"a", "b", "c", "d", "e"};
  }

  static PlanDraftNode node(const std::string& id, const std::string& operation, Texts from = {},
                            Json options = Json::object()) {
    return {id, {.name = operation, .options = std::move(options), .bad_records = BadRecords::quarantine}, from};
  }

  wire::SliceResult run(const std::vector<PlanDraftNode>& draft, std::uint32_t slicer = 0, std::string request = "{}") {
    JobSpec job;
    job.plan = *plan_of(draft);
    auto runner = make_slice_runner(job, {"first"}, {"w"}, registry_, posix_files());
    if (!runner) {
      ADD_FAILURE() << runner.error().message;
      return {};
    }
    script_.staged.clear();
    return (*runner)
        ->work({.key = {.slicer = slicer}, .attempt = {1, 1}, .request = std::move(request)}, nullptr)
        .finish();
  }

  PlanScript script_;
  OperationRegistry registry_;
};

TEST_F(PlanRunTest, EachWayGetsAllRecords) {
  const auto result = run({node("in", "read"), node("x", "mark", {"in"}, {{"drop", "b"}}), node("y", "mark", {"in"}),
                           node("z", "mark", {"x"}), node("all", "send", {"in"}), node("xs", "send", {"x"}),
                           node("ys", "send", {"y"}), node("zs", "send", {"z"})});
  EXPECT_EQ(result.outcome, wire::Outcome::completed) << result.error;
  EXPECT_THAT(script_.staged["all"], ElementsAre("a", "b", "c", "d", "e"));
  EXPECT_THAT(script_.staged["xs"], ElementsAre("ax", "cx", "dx", "ex"));
  EXPECT_THAT(script_.staged["ys"], ElementsAre("ay", "by", "cy", "dy", "ey"));
  EXPECT_THAT(script_.staged["zs"], ElementsAre("axz", "cxz", "dxz", "exz"));
  EXPECT_EQ(result.records_in, 5U);
  EXPECT_EQ(result.records_out, 18U);
}

TEST_F(PlanRunTest, WaysMeetAgain) {
  run({node("in", "read"), node("x", "mark", {"in"}), node("y", "mark", {"in"}), node("u", "mark", {"x", "y", "in"}),
       node("out", "send", {"u"})});
  EXPECT_THAT(script_.staged["out"], UnorderedElementsAre("au", "bu", "cu", "du", "eu", "axu", "bxu", "cxu", "dxu",
                                                          "exu", "ayu", "byu", "cyu", "dyu", "eyu"));
}

TEST_F(PlanRunTest, AnOperationThatNeedsTheWholeSliceTakesNothingFromOthers) {
  run({node("in", "read"), node("w", "whole", {"in"}), node("v", "whole", {"in"}), node("ws", "send", {"w"}),
       node("vs", "send", {"v", "w"}), node("all", "send", {"in"})});
  EXPECT_THAT(script_.staged["ws"], ElementsAre("aw", "bw", "cw", "dw", "ew", "5"));
  EXPECT_THAT(script_.staged["vs"],
              UnorderedElementsAre("av", "bv", "cv", "dv", "ev", "5", "aw", "bw", "cw", "dw", "ew", "5"));
  EXPECT_THAT(script_.staged["all"], ElementsAre("a", "b", "c", "d", "e"));
}

TEST_F(PlanRunTest, ASenderThatChangesTheBatchTakesNothingFromOthers) {
  run({node("in", "read"), node("s", "send", {"in"}, {{"changes", true}}),
       node("t", "send", {"in"}, {{"changes", true}}), node("u", "send", {"in"})});
  for (const char* sender : {"s", "t", "u"})
    EXPECT_THAT(script_.staged[sender], ElementsAre("a", "b", "c", "d", "e")) << sender;
}

TEST_F(PlanRunTest, EachSourceRunsWhatIsBehindIt) {
  script_.input["other"] = {"o"};
  const std::vector<PlanDraftNode> draft = {node("in", "read"), node("other", "read"), node("x", "mark", {"in"}),
                                            node("both", "send", {"x", "other"}), node("ins", "send", {"in"})};
  run(draft, 0);
  EXPECT_THAT(script_.staged["both"], ElementsAre("ax", "bx", "cx", "dx", "ex"));
  EXPECT_THAT(script_.staged["ins"], ElementsAre("a", "b", "c", "d", "e"));
  const auto result = run(draft, 1);
  EXPECT_THAT(script_.staged["both"], ElementsAre("o"));
  EXPECT_FALSE(script_.staged.contains("ins")) << "nothing of this source comes there";
  ASSERT_EQ(result.operations.size(), 5U) << "by the plan, whatever the source";
  EXPECT_EQ(result.operations[1].records, 1U);
  EXPECT_EQ(result.operations[0].records, 0U);
}

TEST_F(PlanRunTest, OutputsAreToldBySink) {
  script_.input["in"] = {"a", "b"};
  const auto result = run({node("in", "read"), node("x", "mark", {"in"}, {{"drop", ""}}), node("s", "send", {"in"}),
                           node("none", "send", {"x"}), node("t", "send", {"in"})});
  ASSERT_EQ(result.output.sinks.size(), 2U);
  EXPECT_EQ(result.output.sinks[0].sink, 0U);
  EXPECT_EQ(result.output.sinks[1].sink, 2U) << "the one between wrote nothing";
  EXPECT_TRUE(result.output.present);
  EXPECT_EQ(result.output.records, 4U);
  EXPECT_EQ(result.output.bytes, 20U);
}

TEST_F(PlanRunTest, OneSinkThatFailsMakesAllForget) {
  script_.fail_at = "t";
  const auto result = run({node("in", "read"), node("x", "mark", {"in"}), node("s", "send", {"x"}),
                           node("t", "send", {"in"}), node("u", "send", {"in"})});
  EXPECT_EQ(result.outcome, wire::Outcome::failed);
  EXPECT_EQ(result.error, "t (send): no");
  EXPECT_FALSE(result.output.present);
  for (const char* id : {"x", "s", "t", "u"}) EXPECT_EQ(script_.abandoned[id], 1) << id;
}

TEST_F(PlanRunTest, ARecordThatOneWayRefusesComesBackThereOnly) {
  script_.refuses = {"b"};
  const std::vector<PlanDraftNode> draft = {node("in", "read"), node("x", "mark", {"in"}), node("y", "mark", {"x"}),
                                            node("all", "send", {"in"}), node("ys", "send", {"y"})};
  const auto result = run(draft);
  ASSERT_EQ(result.quarantined.size(), 1U);
  EXPECT_EQ(result.quarantined[0].operation, "x (mark)");
  EXPECT_THAT(script_.staged["all"], ElementsAre("a", "b", "c", "d", "e"));
  EXPECT_THAT(script_.staged["ys"], ElementsAre("axy", "cxy", "dxy", "exy"));

  script_.refuses.clear();
  const PipelineEntry entry = result.quarantined[0].entry;
  const auto again = run(draft, 0, to_text({entry, {{"", "b"}}}));
  EXPECT_EQ(again.outcome, wire::Outcome::completed) << again.error;
  EXPECT_THAT(script_.staged["ys"], ElementsAre("bxy"));
  EXPECT_THAT(script_.staged["all"], IsEmpty()) << "it is there already";

  auto changed = draft;
  changed[1].id = "z";
  changed[2].from = {"z"};
  EXPECT_EQ(run(changed, 0, to_text({entry, {{"", "b"}}})).error,
            "in (read): the records were to go on at x, which the job no longer has behind it");
}

TEST_F(PlanRunTest, ColumnsFollowTheWays) {
  script_.source_columns = {"p", "q"};
  run({node("in", "read"), node("x", "mark", {"in"}), node("y", "mark", {"in"}), node("s", "send", {"in"}),
       node("t", "send", {"x", "y"})});
  EXPECT_THAT(script_.columns["s"], ElementsAre("p", "q"));
  EXPECT_THAT(script_.columns["t"], ElementsAre("p", "q", "x", "y"));
}

}  // namespace
}  // namespace slicemill
