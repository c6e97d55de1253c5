// Quarantined records in the ledger: when they are there, how they are listed, what a recovery has of them.
#include "tests/core/ledger/ledger_fixture.h"

namespace slicemill {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class LedgerQuarantineTest : public LedgerFixture {
 protected:
  static QuarantineRow quarantined(std::uint64_t order, std::uint32_t number, std::string bytes = "{",
                                   std::uint16_t generation = 0) {
    return {{key(order), number}, generation, 5, {"operations[1] filter", {1, ""}, "here", std::move(bytes), "broken"}};
  }
  // "order/number" of each.
  static std::vector<std::string> names(const Result<std::vector<QuarantineRow>>& rows) {
    std::vector<std::string> result;
    EXPECT_TRUE(rows) << rows.error().message;
    if (!rows) return result;
    for (const auto& row : *rows)
      result.push_back(std::to_string(row.at.slice.order) + "/" + std::to_string(row.at.number));
    return result;
  }
  std::vector<std::string> all() const { return names(ledger_->quarantine(std::nullopt, 0, 100)); }
};

TEST_F(LedgerQuarantineTest, RecordsAreThereWithTheBatchOfTheirSlice) {
  create();
  LedgerBatch batch;
  batch.created = {ids(1, 3)};
  batch.committed = {output(key(2))};
  batch.quarantined = {quarantined(2, 0), quarantined(2, 1)};
  batch.counters = SliceCounters{.quarantined = 2};
  write(std::move(batch));
  reopen();
  EXPECT_EQ(ledger_->header().counters.quarantined, 2U);
  EXPECT_THAT(all(), ElementsAre("2/0", "2/1"));
  EXPECT_EQ((*ledger_->quarantine(std::nullopt, 0, 1))[0], quarantined(2, 0));
  EXPECT_EQ(*ledger_->quarantined_of(key(2)), 2U);
  EXPECT_EQ(*ledger_->quarantined_of(key(1)), 0U);
  EXPECT_THAT(unpublished(), ElementsAre("0/0/2"));
}

TEST_F(LedgerQuarantineTest, ListsArePagedAndBounded) {
  create();
  LedgerBatch batch;
  batch.quarantined = {quarantined(3, 0), quarantined(1, 0), quarantined(1, 1), quarantined(256, 0)};
  write(std::move(batch));
  EXPECT_THAT(all(), ElementsAre("1/0", "1/1", "3/0", "256/0"));
  EXPECT_THAT(names(ledger_->quarantine(std::nullopt, 1, 2)), ElementsAre("1/1", "3/0"));
  EXPECT_THAT(names(ledger_->quarantine(QuarantinePlace{key(1), 1}, 0, 9)), ElementsAre("3/0", "256/0"));
  EXPECT_THAT(names(ledger_->quarantine(QuarantinePlace{key(1), 0}, 1, 1)), ElementsAre("3/0"));
  EXPECT_THAT(names(ledger_->quarantine(std::nullopt, 4, 9)), IsEmpty());
  LedgerBatch large;
  const std::string megabyte(1 << 20, 'x');
  for (std::uint32_t number = 0; number < 10; ++number) large.quarantined.push_back(quarantined(400, number, megabyte));
  write(std::move(large));
  EXPECT_THAT(names(ledger_->quarantine(QuarantinePlace{key(256), 0}, 0, 100)), ElementsAre("400/0", "400/1", "400/2"));
  EXPECT_THAT(names(ledger_->quarantine(QuarantinePlace{key(400), 8}, 0, 100)), ElementsAre("400/9"));
}

TEST_F(LedgerQuarantineTest, ListsOfRowsAreBoundedToo) {
  create();
  LedgerBatch batch;
  batch.created = {ids(1, 10)};
  for (std::uint64_t order = 1; order <= 10; ++order)
    batch.rows.push_back(row(key(order), SliceState::error, 100, std::string(1 << 20, 'e')));
  write(std::move(batch));
  EXPECT_EQ(ledger_->rows(std::nullopt, 100)->size(), 3U);
  EXPECT_EQ(ledger_->rows(key(9), 100)->size(), 1U);
  EXPECT_EQ(ledger_->errors(0, 100)->size(), 3U);
  EXPECT_EQ(ledger_->errors(9, 100)->size(), 1U);
}

TEST_F(LedgerQuarantineTest, TakenOutAndCreatedInOneBatch) {
  create();
  LedgerBatch batch;
  batch.quarantined = {quarantined(1, 0), quarantined(1, 1)};
  write(std::move(batch));
  LedgerBatch taken;
  taken.released = {{key(1), 0}};
  taken.created = {ids(7, 1)};
  write(std::move(taken));
  reopen();
  EXPECT_THAT(all(), ElementsAre("1/1"));
  EXPECT_THAT(open_slices(), ElementsAre("0/0/7"));
}

TEST_F(LedgerQuarantineTest, ARecoveryHasTheRecordsAndCountsAnew) {
  create();
  LedgerBatch batch;
  batch.quarantined = {quarantined(1, 0)};
  batch.counters = SliceCounters{.quarantined = 1};
  write(std::move(batch));
  end();
  take(recover_ledger(loop_, root_ + "/next", {directory_, "ex-1", "{}", CleanupType::quarantine, 2}));
  EXPECT_EQ(ledger_->header().cleanup, CleanupType::quarantine);
  EXPECT_EQ(ledger_->header().counters.quarantined, 0U);
  EXPECT_THAT(all(), ElementsAre("1/0"));
  LedgerBatch released;
  released.released = {{key(1), 0}};
  write(std::move(released));
  ledger_.reset();
  const auto source = view_ledger(directory_);
  ASSERT_TRUE(source);
  EXPECT_THAT(names((*source)->quarantine(std::nullopt, 0, 9)), ElementsAre("1/0")) << "the source keeps its own";
  EXPECT_EQ((*source)->header().counters.quarantined, 1U);
}

}  // namespace
}  // namespace slicemill
