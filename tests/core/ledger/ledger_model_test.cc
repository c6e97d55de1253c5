// Random histories against a reference that keeps everything in plain containers, with crashes and reopenings in
// between.
#include <map>
#include <random>
#include <set>

#include "tests/core/ledger/ledger_fixture.h"

namespace slicemill {
namespace {

// What the seam promises, said in the simplest way.
struct Reference {
  std::map<SliceKey, std::string> created;  // every slice ever, with its request
  std::set<SliceKey> settled;
  std::map<SliceKey, OpenRow> rows;
  std::map<SliceKey, CommittedOutput> outputs;
  std::set<SliceKey> recommitted;
  std::map<std::uint32_t, SlicerPosition> positions;
  SliceCounters counters;
  WantedState wanted = WantedState::running;

  void apply(const LedgerBatch& batch) {
    for (const SliceRun& run : batch.created) {
      for (std::uint64_t index = 0; index < run.count(); ++index) created[run.key(index)] = run.request(index);
    }
    for (const auto& output : batch.committed) {
      outputs[output.key] = output;
      if (settled.contains(output.key)) recommitted.insert(output.key);
    }
    for (const auto& key : batch.settled) {
      settled.insert(key);
      recommitted.erase(key);
    }
    for (const auto& row : batch.rows) rows[row.key] = row;
    for (const auto& key : batch.erased_rows) rows.erase(key);
    for (const auto& [slicer, position] : batch.positions) positions[slicer] = position;
    if (batch.counters) counters = *batch.counters;
    if (batch.wanted) wanted = *batch.wanted;
  }

  std::map<SliceKey, std::string> open() const {
    std::map<SliceKey, std::string> result;
    for (const auto& [key, request] : created) {
      if (!settled.contains(key) && !rows.contains(key)) result[key] = request;
    }
    return result;
  }
  std::vector<CommittedOutput> unpublished() const {
    std::vector<CommittedOutput> result;
    for (const auto& [key, output] : outputs) {
      if (!settled.contains(key) || recommitted.contains(key)) result.push_back(output);
    }
    return result;
  }
  std::vector<OpenRow> errors() const {
    std::vector<OpenRow> result;
    for (const auto& [key, row] : rows) {
      if (row.state == SliceState::error) result.push_back(row);
    }
    std::stable_sort(result.begin(), result.end(),
                     [](const auto& a, const auto& b) { return a.updated_ms > b.updated_ms; });
    return result;
  }
};

class LedgerModelTest : public LedgerFixture {
 protected:
  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }

  // A slice of the set, any one of it.
  template <typename Set>
  SliceKey any_of(const Set& set) {
    auto chosen = set.lower_bound(SliceKey{generation(), static_cast<std::uint32_t>(below(3)), below(400), 0});
    if (chosen == set.end()) chosen = set.begin();
    if constexpr (requires { chosen->first; }) {
      return chosen->first;
    } else {
      return *chosen;
    }
  }
  std::uint16_t generation() const { return static_cast<std::uint16_t>(lineage_ - 1); }

  void add_creations(LedgerBatch& batch) {
    const auto slicer = static_cast<std::uint32_t>(below(3));
    std::uint64_t& highest = highest_[slicer];
    const std::uint64_t count = 1 + below(20);
    SliceRun run = ids(highest + 1, count, slicer, generation());
    if (below(3) == 0) {
      ListRequests list;
      for (std::uint64_t n = 0; n < count; ++n) list.requests.push_back("{\"n\":" + std::to_string(random_()) + "}");
      run.requests = std::move(list);
    }
    highest += count;
    batch.created.push_back(run);
    batch.positions[slicer] = {std::to_string(highest), below(2) == 0, highest};
  }

  // What a controller does with a slice: it fails, is interrupted, commits, is done.
  void add_fates(LedgerBatch& batch) {
    Reference after = reference_;
    after.apply(batch);
    std::set<SliceKey> used;
    for (std::uint64_t n = below(30); n > 0; --n) {
      const auto open = after.open();
      const bool replay = !after.rows.empty() && (open.empty() || below(4) == 0);
      if (!replay && open.empty()) return;
      const SliceKey slice = replay ? any_of(after.rows) : any_of(open);
      if (!used.insert(slice).second) continue;
      LedgerBatch fate;
      const std::uint64_t kind = below(10);
      if (kind == 0) {
        fate.rows = {row(slice, SliceState::start, static_cast<WallMs>(below(50)))};
      } else if (kind < 3) {
        fate.settled = {slice};
        fate.rows = {row(slice, SliceState::error, static_cast<WallMs>(below(50)), std::string(below(200), 'e'))};
      } else if (kind < 5) {
        fate.committed = {output(slice)};
      } else {
        if (below(2) == 0) fate.committed = {output(slice)};
        fate.settled = {slice};
        if (replay) fate.erased_rows = {slice};
      }
      after.apply(fate);
      for (auto& committed : fate.committed) batch.committed.push_back(committed);
      for (auto& settled : fate.settled) batch.settled.push_back(settled);
      for (auto& changed : fate.rows) batch.rows.push_back(changed);
      for (auto& erased : fate.erased_rows) batch.erased_rows.push_back(erased);
    }
  }

  void step() {
    LedgerBatch batch;
    if (below(3) == 0) add_creations(batch);
    add_fates(batch);
    if (below(2) == 0) batch.counters = SliceCounters{.processed = random_()};
    if (below(10) == 0) batch.wanted = static_cast<WantedState>(below(3));
    reference_.apply(batch);
    ++written_;
    ledger_->write(std::move(batch), [this](const Result<void>& result) {
      ASSERT_TRUE(result) << result.error().message;
      ++synced_;
    });
  }

  void drain() {
    ASSERT_TRUE(loop_.run_until([this] { return synced_ == written_; }));
  }

  void check_any_time() {
    const auto counts = ledger_->open_counts();
    ASSERT_TRUE(counts);
    const auto errors = reference_.errors();
    EXPECT_EQ(counts->error, errors.size());
    EXPECT_EQ(counts->start, reference_.rows.size() - errors.size());
    EXPECT_EQ(counts->pending, reference_.open().size());
    EXPECT_EQ(*ledger_->errors(0, 1'000'000), errors);
    if (errors.size() > 4) {
      EXPECT_EQ((*ledger_->errors(2, 2))[1], errors[3]);
    }
    std::vector<OpenRow> rows;
    for (const auto& [key, row] : reference_.rows) rows.push_back(row);
    EXPECT_EQ(*ledger_->rows({}, 1'000'000), rows);
    std::vector<CommittedOutput> outputs, expected;
    ASSERT_TRUE(ledger_->for_each_output([&](const CommittedOutput& output) {
      outputs.push_back(output);
      return Result<void>();
    }));
    for (const auto& [key, output] : reference_.outputs) expected.push_back(output);
    EXPECT_EQ(outputs, expected);
  }

  void check_opened() {
    std::map<SliceKey, std::string> open;
    const auto ranges = ledger_->open_ranges();
    ASSERT_TRUE(ranges) << ranges.error().message;
    std::optional<SliceKey> previous;
    for (const OpenRange& range : *ranges) {
      ASSERT_LT(range.from, range.to);
      ASSERT_LE(range.to, range.run->count());
      ASSERT_TRUE(!previous || *previous < range.run->key(range.from));
      for (auto index = range.from; index < range.to; ++index) open[range.run->key(index)] = range.run->request(index);
      previous = range.run->key(range.to - 1);
    }
    EXPECT_EQ(open, reference_.open());
    EXPECT_EQ(*ledger_->unpublished_outputs(), reference_.unpublished());
    EXPECT_EQ(ledger_->header().counters, reference_.counters);
    EXPECT_EQ(ledger_->header().wanted, reference_.wanted);
    EXPECT_EQ(ledger_->header().positions, reference_.positions);
    EXPECT_EQ(ledger_->header().lineage.size(), lineage_);
    check_any_time();
  }

  void recover() {
    end();
    const std::string source = directory_;
    directory_ = root_ + "/generation-" + std::to_string(lineage_);
    take(recover_ledger(loop_, directory_,
                        {source, "ex-" + std::to_string(lineage_), "{}", CleanupType::none, ++epoch_ * 1000}));
    ++lineage_;
    highest_.clear();
    reference_.counters = {};
    reference_.wanted = WantedState::running;
    for (auto& [slicer, position] : reference_.positions) position.highest_order = 0;
  }

  void run(std::uint64_t seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    random_.seed(seed);
    create();
    for (int round = 0; round < 12 && !HasFailure(); ++round) {
      for (std::uint64_t n = below(25); n > 0; --n) {
        step();
        if (below(4) == 0) drain();
      }
      drain();
      check_any_time();
      const std::uint64_t ending = below(8);
      if (ending < 3) {
        ASSERT_TRUE(ledger_->close());
      }
      if (ending == 7) {
        recover();
      } else {
        reopen();
      }
      check_opened();
    }
  }

  std::mt19937_64 random_;
  Reference reference_;
  std::map<std::uint32_t, std::uint64_t> highest_;
  std::size_t lineage_ = 1;
  std::uint64_t epoch_ = 1;
  int written_ = 0, synced_ = 0;
};

TEST_F(LedgerModelTest, AgreesWithTheReferenceOnAFixedSeed) {
  run(20261124);
}

TEST_F(LedgerModelTest, AgreesWithTheReferenceOnANewSeed) {
  run(std::random_device{}());
}

}  // namespace
}  // namespace slicemill
