// The history of tries, of slicers that keep one.
#include "tests/core/ledger/ledger_fixture.h"

namespace slicemill {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class LedgerTriesTest : public LedgerFixture {
 protected:
  static SliceTry try_of(std::uint64_t order, std::uint32_t n, SliceTry::End end) {
    return {.key = key(order), .attempt = {1, n}, .end = end, .began_ms = 5, .ended_ms = 9, .place = "0", .name = "a"};
  }
  std::vector<std::string> names(std::uint64_t skip, std::uint64_t size) const {
    std::vector<std::string> result;
    const auto tries = ledger_->tries(skip, size);
    EXPECT_TRUE(tries) << tries.error().message;
    if (!tries) return result;
    for (const SliceTry& ended : *tries)
      result.push_back(std::to_string(ended.key.order) + "/" + std::to_string(ended.attempt.n));
    return result;
  }
};

TEST_F(LedgerTriesTest, StayWhenTheirSlicesAreDone) {
  create();
  LedgerBatch batch;
  batch.created = {ids(1, 3)};
  batch.tries = {try_of(2, 1, SliceTry::End::failed), try_of(1, 1, SliceTry::End::completed)};
  batch.settled = {key(1)};
  write(std::move(batch));
  LedgerBatch later;
  later.tries = {try_of(2, 2, SliceTry::End::completed)};
  later.settled = {key(2)};
  write(std::move(later));
  reopen();
  EXPECT_THAT(names(0, 100), ElementsAre("1/1", "2/1", "2/2"));
  EXPECT_THAT(names(1, 1), ElementsAre("2/1"));
  EXPECT_THAT(names(3, 5), IsEmpty());
  EXPECT_EQ((*ledger_->tries(1, 1))[0], try_of(2, 1, SliceTry::End::failed));
}

TEST_F(LedgerTriesTest, ListsAreBoundedByTheirBytes) {
  create();
  LedgerBatch batch;
  for (std::uint32_t n = 1; n <= 100; ++n) {
    batch.tries.push_back(try_of(1, n, SliceTry::End::completed));
    batch.tries.back().value = std::string(64 << 10, 'v');
  }
  write(std::move(batch));
  EXPECT_LT(names(0, 1000).size(), 100U);
  EXPECT_GT(names(0, 1000).size(), 10U);
  EXPECT_THAT(names(99, 10), ElementsAre("1/100"));
}

}  // namespace
}  // namespace slicemill
