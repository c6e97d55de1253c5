// Ledgers that earlier builds have written open and go on: every format that was ever released is kept below golden/.
//
// SLICEMILL_GOLDEN_WRITE=<directory> makes this program write ledgers of the present format there instead: of a job
// that is a list, and in `<directory>-graph` of a graph.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <optional>

#include "core/ledger/slice_ledger.h"
#include "core/model/job_spec.h"
#include "core/runtime/json.h"
#include "tests/fakes/manual_loop.h"

namespace slicemill {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;

constexpr const char* kExecution = R"({"name":"golden","operations":[{"_op":"id_range"},{"_op":"file_exporter"}]})";
constexpr std::uint64_t kRange = 1000;
const std::string kLongText(3000, 'g');

SliceKey slice(std::uint64_t order, std::uint32_t slicer = 0) {
  return {0, slicer, order, SliceKey::kWholeSlice};
}

void write(ManualLoop& loop, SliceLedger& ledger, LedgerBatch batch) {
  std::optional<Result<void>> answer;
  ledger.write(std::move(batch), [&](const Result<void>& result) { answer = result; });
  ASSERT_TRUE(loop.run_until([&] { return answer.has_value(); }));
  ASSERT_TRUE(*answer) << answer->error().message;
}

// A running execution in the middle of everything: part of it in tables, part in the log, as a crash leaves it.
LedgerBatch first_part() {
  LedgerBatch batch;
  batch.created = {{0, 0, 1, 1'700'000'000'000, RangeRequests{R"("a":1)", "start", "end", false, 0, 10, kRange * 10}},
                   {0, 1, 1, 1'700'000'000'001, ListRequests{{R"({"n":1})", "{\"long\":\"" + kLongText + "\"}"}}}};
  batch.positions[0] = {"{\"next\":10000}", true, kRange};
  batch.positions[1] = {"second", false, 2};
  for (std::uint64_t order = 1; order <= 5; ++order)
    batch.committed.push_back({slice(order), {1, 1}, {true, 10 * order, order, 77 + order, 5}});
  for (std::uint64_t order = 1; order <= 3; ++order) batch.settled.push_back(slice(order));
  batch.counters = SliceCounters{.processed = 3, .records_in = 30, .records_out = 15, .bytes_out = 60};
  return batch;
}

LedgerBatch second_part() {
  LedgerBatch batch;
  batch.rows = {{slice(10), SliceState::error, 0, 2, 0, 1, 2, R"({"a":1,"start":90,"end":100})", "it broke"},
                {slice(20), SliceState::start, 0, 0, 1, 1, 3, R"({"a":1,"start":190,"end":200})", "its worker died"}};
  batch.settled = {slice(10), slice(30)};
  batch.quarantined = {
      {.at = {slice(30), 0},
       .settled_in = 0,
       .at_ms = 5,
       .record = {.operation = "operations[0] id_range", .place = "record 3", .bytes = "{\"bad", .error = "no"}}};
  batch.counters = SliceCounters{.processed = 5, .failed = 1, .records_in = 40, .quarantined = 1};
  batch.wanted = WantedState::paused;
  return batch;
}

void write_golden(const std::string& directory) {
  ManualLoop loop;
  auto ledger = *create_ledger(loop, directory, {"golden-ex", kExecution, 1});
  write(loop, *ledger, first_part());
  ASSERT_TRUE(ledger->close());
  ledger = *open_ledger(loop, directory, 7);
  write(loop, *ledger, second_part());
}

// ---- of a graph: two sources, and sinks that wrote a file, several, and nothing -------------------------------------

constexpr const char* kGraph = R"({"version":2,"name":"golden graph","operations":[
  {"id":"web","inputs":[],"operation":"id_range","options":{"end":20,"size":10}},
  {"id":"shop","inputs":[],"operation":"id_range","options":{"end":20,"size":10}},
  {"id":"routes","inputs":[0,1],"operation":"field_router","options":{"fields":["id"]}},
  {"id":"all","inputs":[2],"operation":"file_exporter","options":{"path":"/out/all","single_file":true}},
  {"id":"each","inputs":[2],"operation":"routed_sender","options":{"path":"/out/each","routing":{"**":"default"}}}]})";

OutputFacts of_all(std::uint64_t records, std::uint64_t checksum) {
  return {.present = true, .records = records, .bytes = 10 * records, .checksum = checksum, .request_hash = 5};
}

OutputFacts of_each() {
  return {.present = true,
          .records = 10,
          .bytes = 100,
          .request_hash = 5,
          .sink = 1,
          .parts = {{"id_1", 4, 40, 1}, {"id_2", 6, 60, 2}}};
}

LedgerBatch graph_part() {
  LedgerBatch batch;
  for (std::uint32_t source : {0U, 1U}) {
    batch.created.push_back({0, source, 1, 1'700'000'000'000, RangeRequests{"", "start", "end", false, 0, 10, 20}});
    batch.positions[source] = {R"({"next":20})", true, 2};
  }
  batch.committed = {{slice(1, 0), {1, 1}, output_of_sinks({of_all(10, 7), of_each()})},
                     {slice(1, 1), {1, 2}, output_of_sinks({of_all(3, 8)})},
                     {slice(2, 1), {1, 3}, output_of_sinks({of_each()})}};
  batch.settled = {slice(1, 0), slice(1, 1)};
  batch.quarantined = {{.at = {slice(1, 1), 0},
                        .settled_in = 0,
                        .at_ms = 5,
                        .record = {.operation = "each (routed_sender)",
                                   .entry = {PipelineEntry::kNamed, "each"},
                                   .place = "record 3",
                                   .bytes = R"({"id":3})",
                                   .error = "no route",
                                   .metadata = R"({"key":"3"})"}}};
  batch.counters = SliceCounters{.processed = 2, .records_in = 20, .records_out = 23, .quarantined = 1};
  return batch;
}

void write_golden_graph(const std::string& directory) {
  ManualLoop loop;
  auto ledger = *create_ledger(loop, directory, {"golden-graph", kGraph, 1});
  write(loop, *ledger, graph_part());
  ASSERT_TRUE(ledger->close());
}

class GoldenLedgerTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "/golden_XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    root_ = name;
    directory_ = root_ + "/ledger";
    fs::copy(fs::path(SLICEMILL_SOURCE_DIR) / "tests/core/ledger/golden" / GetParam(), directory_);
  }
  void TearDown() override { fs::remove_all(root_); }

  std::string root_, directory_;
};

TEST_P(GoldenLedgerTest, SaysWhatItSaidAndGoesOn) {
  ManualLoop loop;
  auto opened = open_ledger_next_epoch(loop, directory_);
  ASSERT_TRUE(opened) << opened.error().message;
  SliceLedger& ledger = **opened;
  const LedgerHeader& header = ledger.header();
  EXPECT_THAT(header.lineage, ElementsAre("golden-ex"));
  EXPECT_EQ(header.epoch, 8u);
  EXPECT_EQ(header.execution, kExecution);
  EXPECT_EQ(header.wanted, WantedState::paused);
  EXPECT_EQ(header.counters, *second_part().counters);
  EXPECT_EQ(header.positions.at(0), first_part().positions.at(0));
  EXPECT_EQ(header.positions.at(1), first_part().positions.at(1));
  EXPECT_FALSE(header.outcome);

  const auto rows = ledger.rows(std::nullopt, 10);
  ASSERT_TRUE(rows);
  EXPECT_EQ(*rows, second_part().rows);
  EXPECT_EQ(ledger.errors(0, 10)->size(), 1u);
  const auto unpublished = ledger.unpublished_outputs();
  ASSERT_TRUE(unpublished);
  EXPECT_THAT(*unpublished, ElementsAre(first_part().committed[3], first_part().committed[4]));
  EXPECT_THAT(*ledger.quarantine(std::nullopt, 0, 10), ElementsAre(second_part().quarantined[0]));

  std::uint64_t open = 0;
  LedgerBatch rest;
  for (const auto& range : *ledger.open_ranges())
    for (auto i = range.from; i < range.to; ++i, ++open) rest.settled.push_back(range.run->key(i));
  EXPECT_EQ(open, kRange - 6 + 2);  // but for 1, 2, 3, 10, 20 and 30; and the two of the list
  rest.settled.push_back(slice(20));
  rest.erased_rows = {slice(20)};
  rest.outcome = LedgerOutcome{ExecutionStatus::failed, "one slice", 9};
  write(loop, ledger, std::move(rest));
  const auto counts = *ledger.open_counts();
  EXPECT_EQ(counts.pending + counts.start, 0u);
  EXPECT_EQ(counts.error, 1u);
  ASSERT_TRUE(ledger.close());
  EXPECT_EQ((*view_ledger(directory_))->header().outcome->status, ExecutionStatus::failed);

  // And it can be recovered.
  auto recovered =
      recover_ledger(loop, root_ + "/recovered", {directory_, "next-ex", kExecution, CleanupType::errors, 9});
  ASSERT_TRUE(recovered) << recovered.error().message;
  EXPECT_THAT((*recovered)->header().lineage, ElementsAre("golden-ex", "next-ex"));
  EXPECT_EQ((*recovered)->rows(std::nullopt, 10)->size(), 1u);
}

class GoldenGraphLedgerTest : public GoldenLedgerTest {};

TEST_P(GoldenGraphLedgerTest, SaysWhatItSaidAndGoesOn) {
  ManualLoop loop;
  auto opened = open_ledger_next_epoch(loop, directory_);
  ASSERT_TRUE(opened) << opened.error().message;
  SliceLedger& ledger = **opened;
  EXPECT_EQ(ledger.header().execution, kGraph);
  const auto spec = parse_job_spec(ledger.header().execution);
  ASSERT_TRUE(spec) << spec.error().message;
  EXPECT_EQ(spec->plan.sources(), (std::vector<std::size_t>{0, 1}));
  EXPECT_EQ(spec->plan.sinks(), (std::vector<std::size_t>{3, 4}));
  EXPECT_EQ(spec->plan.nodes[4].id, "each");
  EXPECT_EQ(ledger.header().positions, graph_part().positions);
  EXPECT_EQ(ledger.header().counters, *graph_part().counters);
  const auto unpublished = ledger.unpublished_outputs();
  ASSERT_TRUE(unpublished);
  EXPECT_THAT(*unpublished, ElementsAre(graph_part().committed[2]));
  std::vector<CommittedOutput> all;
  ASSERT_TRUE(ledger.for_each_output([&](const CommittedOutput& output) -> Result<void> {
    all.push_back(output);
    return {};
  }));
  EXPECT_EQ(all, graph_part().committed);
  EXPECT_THAT(*ledger.quarantine(std::nullopt, 0, 10), ElementsAre(graph_part().quarantined[0]));
  LedgerBatch rest;
  for (const auto& range : *ledger.open_ranges())
    for (auto i = range.from; i < range.to; ++i) rest.settled.push_back(range.run->key(i));
  EXPECT_THAT(rest.settled, testing::UnorderedElementsAre(slice(2, 0), slice(2, 1)));
  rest.outcome = LedgerOutcome{ExecutionStatus::completed, "", 9};
  write(loop, ledger, std::move(rest));
  ASSERT_TRUE(ledger.close());
}

INSTANTIATE_TEST_SUITE_P(Formats, GoldenGraphLedgerTest, testing::Values("format-1-graph"),
                         [](const auto&) { return "format_1"; });

INSTANTIATE_TEST_SUITE_P(Formats, GoldenLedgerTest, testing::Values("format-1"), [](const auto& golden) {
  return "format_" + golden.param.substr(golden.param.rfind('-') + 1);
});

// What writes golden ledgers must go on writing what the test above expects.
TEST(GoldenLedger, IsWrittenWhereAskedFor) {
  const char* asked = std::getenv("SLICEMILL_GOLDEN_WRITE");
  const std::string directory = asked != nullptr ? asked : testing::TempDir() + "/golden-" + std::to_string(getpid());
  write_golden(directory);
  write_golden_graph(directory + "-graph");
  for (const std::string& written : {directory, directory + "-graph"}) {
    EXPECT_TRUE(ledger_exists(written));
    if (asked == nullptr) fs::remove_all(written);
  }
}

}  // namespace
}  // namespace slicemill
