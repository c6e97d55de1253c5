// How far sinks are: outputs are summed, and numbers count up to the first slice that is not completed.
#include "core/ledger/sink_progress.h"

#include "tests/core/ledger/ledger_fixture.h"

namespace slicemill {
namespace {

using ::testing::Optional;

class SinkProgressTest : public LedgerFixture {
 protected:
  // A job over the numbers 1 to `end`, exclusive, one a slice.
  void create_job(std::int64_t end) {
    const std::string job = R"({"operations":[{"_op":"id_range","start":1,"end":)" + std::to_string(end) +
                            R"(},{"_op":"file_exporter","path":"/out/blocks"}]})";
    take(create_ledger(loop_, directory_, {"ex-0", job, 1}));
  }
  // The numbers from `first` on, cut by this slicer, whose position is behind them.
  void cut(std::uint64_t first, std::uint64_t count, std::uint32_t slicer = 0, bool finished = false) {
    LedgerBatch batch;
    batch.created.push_back(ids(first, count, slicer));
    batch.positions[slicer] = {R"({"next":)" + std::to_string(first + count) + "}", finished, first + count};
    write(batch);
  }
  void complete(std::uint64_t first, std::uint64_t last, std::uint32_t slicer = 0) {
    LedgerBatch batch;
    batch.settled_ranges.push_back({0, slicer, first, last});
    write(batch);
  }
  void fail(std::uint64_t number) {
    LedgerBatch batch;
    OpenRow failed = row(key(number), SliceState::error, 1);
    failed.request = R"({"start":)" + std::to_string(number) + R"(,"end":)" + std::to_string(number + 1) + "}";
    batch.rows.push_back(failed);
    batch.settled.push_back(key(number));
    write(batch);
  }
  SinkView sink() {
    const auto sinks = sink_progress(*ledger_);
    EXPECT_TRUE(sinks) << (sinks ? "" : sinks.error().message);
    EXPECT_EQ(sinks->size(), 1u);
    return sinks->front();
  }
  std::optional<std::int64_t> last() { return sink().last; }
};

TEST_F(SinkProgressTest, NumbersCountUpToTheFirstThatIsNotDone) {
  create_job(101);
  EXPECT_EQ(sink().first, std::nullopt) << "nothing was cut";
  cut(1, 50);
  EXPECT_EQ(last(), std::nullopt) << "nothing is done";
  complete(2, 10);
  EXPECT_EQ(last(), std::nullopt) << "the first one is not";
  complete(1, 1);
  EXPECT_THAT(sink().first, Optional(1));
  EXPECT_THAT(last(), Optional(10));
  complete(12, 50);
  EXPECT_THAT(last(), Optional(10));
  fail(11);
  EXPECT_THAT(last(), Optional(10)) << "a failed one is a hole too";
  cut(51, 50, 0, true);
  complete(51, 100);
  EXPECT_THAT(last(), Optional(10));
  LedgerBatch mended;
  mended.erased_rows.push_back(key(11));
  write(mended);
  EXPECT_THAT(last(), Optional(100));
}

TEST_F(SinkProgressTest, SlicersHaveTheirPartsInOrder) {
  create_job(101);
  cut(51, 50, 1, true);
  complete(51, 100, 1);
  EXPECT_EQ(last(), std::nullopt) << "the first part has not begun";
  cut(1, 50, 0, true);
  complete(1, 49);
  EXPECT_THAT(last(), Optional(49));
  complete(50, 50);
  EXPECT_THAT(last(), Optional(100));
}

TEST_F(SinkProgressTest, OutputsAreSummedAlsoOfAnEndedLedger) {
  create_job(11);
  cut(1, 10, 0, true);
  LedgerBatch batch;
  CommittedOutput nothing = output(key(3));
  nothing.facts.present = false;
  CommittedOutput spread = output(key(2));  // over the directories of two values
  spread.facts.parts = {{"a", 4, 1000, 1}, {"b", 6, 2, 2}};
  batch.committed = {output(key(1)), spread, nothing};
  for (const std::uint64_t order : {1, 2, 3}) batch.settled.push_back(key(order));
  write(batch);
  const SinkView expected{"/out/blocks", 3, 2003, 1, 3};
  const auto same = [&](const SinkView& view) {
    return view.sink == expected.sink && view.files == expected.files && view.bytes == expected.bytes &&
           view.first == expected.first && view.last == expected.last;
  };
  EXPECT_TRUE(same(sink()));
  const auto again = parse_sink_progress(to_compact_text(sink_progress_json({sink()})));
  ASSERT_TRUE(again);
  EXPECT_TRUE(same(again->front()));
  end();
  const auto ledger = view_ledger(directory_);
  ASSERT_TRUE(ledger);
  const auto viewed = sink_progress(**ledger);
  ASSERT_TRUE(viewed);
  EXPECT_TRUE(same(viewed->front()));
}

TEST_F(SinkProgressTest, ASourceWithoutNumbersHasNone) {
  take(create_ledger(loop_, directory_,
                     {"ex-0", R"({"operations":[{"_op":"file_reader","path":"/in"},{"_op":"noop"}]})", 1}));
  const SinkView view = sink();
  EXPECT_EQ(view.sink, "noop");
  EXPECT_EQ(view.files, 0u);
  EXPECT_EQ(view.first, std::nullopt);
}

}  // namespace
}  // namespace slicemill
