// What tests of the ledger share: a temporary directory, a loop, batches written and awaited, corrupted files.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/ledger/slice_ledger.h"
#include "tests/fakes/manual_loop.h"

namespace slicemill {

class LedgerFixture : public ::testing::Test {
 protected:
  LedgerFixture() {
    std::string pattern = ::testing::TempDir() + "slicemill_ledger_XXXXXX";
    root_ = mkdtemp(pattern.data());
    directory_ = root_ + "/ledger";
  }
  ~LedgerFixture() override {
    ledger_.reset();
    std::filesystem::remove_all(root_);
  }

  static LedgerCreate creation(std::uint64_t epoch = 1) { return {"ex-0", R"({"job":"test"})", epoch}; }

  void create(std::uint64_t epoch = 1) { take(create_ledger(loop_, directory_, creation(epoch))); }
  void reopen() {
    ledger_.reset();
    take(open_ledger_next_epoch(loop_, directory_));
  }
  void take(Result<std::unique_ptr<SliceLedger>> opened) {
    ASSERT_TRUE(opened) << opened.error().message;
    ledger_ = std::move(*opened);
  }

  // Writes the batch and waits for its callback.
  Result<void> try_write(LedgerBatch batch) {
    std::optional<Result<void>> answer;
    ledger_->write(std::move(batch), [&](Result<void> result) { answer = std::move(result); });
    if (!loop_.run_until([&] { return answer.has_value(); })) return Error(ErrorCode::timeout, "no callback came");
    return *answer;
  }
  void write(LedgerBatch batch) {
    const auto written = try_write(std::move(batch));
    ASSERT_TRUE(written) << written.error().message;
  }
  void end(ExecutionStatus status = ExecutionStatus::stopped) {
    LedgerBatch batch;
    batch.outcome = LedgerOutcome{status, "test", 42};
    write(std::move(batch));
    const auto closed = ledger_->close();
    ASSERT_TRUE(closed) << closed.error().message;
    ledger_.reset();
  }

  // "generation/slicer/order" of each open slice, in order of listing.
  std::vector<std::string> open_slices() const {
    std::vector<std::string> names;
    const auto ranges = ledger_->open_ranges();
    EXPECT_TRUE(ranges) << ranges.error().message;
    if (!ranges) return names;
    for (const OpenRange& range : *ranges) {
      for (std::uint64_t index = range.from; index < range.to; ++index) names.push_back(name(range.run->key(index)));
    }
    return names;
  }
  std::vector<std::string> unpublished() const {
    std::vector<std::string> names;
    const auto outputs = ledger_->unpublished_outputs();
    EXPECT_TRUE(outputs) << outputs.error().message;
    if (!outputs) return names;
    for (const CommittedOutput& output : *outputs) names.push_back(name(output.key));
    return names;
  }
  static std::string name(const SliceKey& key) {
    return std::to_string(key.generation) + "/" + std::to_string(key.slicer) + "/" + std::to_string(key.order) +
           (key.path == SliceKey::kWholeSlice ? "" : "/" + std::to_string(key.path));
  }

  std::vector<std::filesystem::path> files(const std::string& extension) const {
    std::vector<std::filesystem::path> found;
    for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
      if (entry.path().extension() == extension) found.push_back(entry.path());
    }
    std::sort(found.begin(), found.end());
    return found;
  }

  static SliceKey key(std::uint64_t order, std::uint32_t slicer = 0, std::uint16_t generation = 0) {
    return {generation, slicer, order, SliceKey::kWholeSlice};
  }
  static SliceRun ids(std::uint64_t first, std::uint64_t count, std::uint32_t slicer = 0,
                      std::uint16_t generation = 0) {
    return {generation, slicer, first, 7,
            RangeRequests{"", "start", "end", false, static_cast<std::int64_t>(first), 1,
                          static_cast<std::int64_t>(first + count)}};
  }
  static OpenRow row(const SliceKey& slice, SliceState state, WallMs updated_ms, std::string error = "broke") {
    return {
        slice,           state, slice.generation, 3, 1, 11, updated_ms, R"({"id":)" + std::to_string(slice.order) + "}",
        std::move(error)};
  }
  static CommittedOutput output(const SliceKey& slice) {
    return {slice,
            {1, 1},
            {true, 10, 1000 + slice.order, 0x9E3779B97F4A7C15ULL * slice.order,
             static_cast<std::uint32_t>(slice.order * 2654435761U)}};
  }

  ManualLoop loop_;
  std::string root_;
  std::string directory_;
  std::unique_ptr<SliceLedger> ledger_;
};

}  // namespace slicemill
