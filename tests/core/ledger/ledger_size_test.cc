// What a million done slices cost on disk.
#include <cstdint>
#include <random>

#include "core/ledger/rocks_database.h"
#include "tests/core/ledger/ledger_fixture.h"

namespace slicemill {
namespace {

constexpr std::uint64_t kSlices = 1'000'000;

class LedgerSizeTest : public LedgerFixture {
 protected:
  // Creations in runs of 1,000, settlements out of order within a window, as many workers give them, and facts as
  // random as real ones.
  void do_slices(bool outputs) {
    create();
    std::mt19937_64 random(1);
    int written = 0, synced = 0;
    for (std::uint64_t first = 1; first <= kSlices; first += 1000) {
      std::vector<std::uint64_t> orders;
      for (std::uint64_t order = first; order < first + 1000; ++order) orders.push_back(order);
      for (std::size_t n = 0; n + 16 < orders.size(); ++n) std::swap(orders[n], orders[n + random() % 16]);
      for (std::size_t part = 0; part < 4; ++part) {
        LedgerBatch batch;
        if (part == 0) {
          batch.created = {ids(first, 1000)};
          batch.positions[0] = {std::to_string(first + 999), false, first + 999};
        }
        batch.counters = SliceCounters{.processed = first + part * 250, .records_out = random()};
        for (std::size_t n = part * 250; n < (part + 1) * 250; ++n) {
          batch.settled.push_back(key(orders[n]));
          if (!outputs) continue;
          batch.committed.push_back(
              {key(orders[n]),
               {1, 1},
               {true, 1000, 200'000 + random() % 50'000, random(), static_cast<std::uint32_t>(random())}});
        }
        ++written;
        ledger_->write(std::move(batch), [&](const Result<void>& result) { synced += result ? 1 : 0; });
      }
      if (ledger_->backlog() > 200) {
        ASSERT_TRUE(loop_.run_until([&] { return synced == written; }));
      }
    }
    ASSERT_TRUE(loop_.run_until([&] { return synced == written; }));
  }

  std::uintmax_t bytes_on_disk() const {
    std::uintmax_t bytes = 0;
    for (const auto& entry : std::filesystem::directory_iterator(directory_)) bytes += entry.file_size();
    return bytes;
  }

  void compact() {
    const auto database = RocksDatabase::open(directory_, RocksDatabase::Mode::write).value();
    ASSERT_TRUE(database->db().CompactRange({}, database->outputs(), nullptr, nullptr).ok());
  }
};

TEST_F(LedgerSizeTest, DoneSlicesWithoutOutputsCostNearlyNothing) {
  do_slices(false);
  ASSERT_TRUE(ledger_->close());
  EXPECT_LT(bytes_on_disk(), 300'000U);  // and does not grow: ten million cost the same
  reopen();
  EXPECT_TRUE(open_slices().empty());
  EXPECT_EQ(ledger_->open_counts()->pending, 0U);
}

TEST_F(LedgerSizeTest, AnOutputCostsAtMostFortyBytes) {
  do_slices(true);
  ASSERT_TRUE(ledger_->close());
  EXPECT_LT(bytes_on_disk(), kSlices * 44);
  compact();
  EXPECT_LE(bytes_on_disk(), kSlices * 40);
  RecordProperty("bytes_per_output", std::to_string(static_cast<double>(bytes_on_disk()) / kSlices));
  reopen();
  EXPECT_TRUE(unpublished().empty());
}

}  // namespace
}  // namespace slicemill
