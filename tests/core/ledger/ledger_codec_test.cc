#include "core/ledger/ledger_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace slicemill::ledger_codec {
namespace {

using ::testing::HasSubstr;

constexpr auto kMax64 = std::numeric_limits<std::uint64_t>::max();

const std::vector<SliceKey>& ascending_keys() {
  static const std::vector<SliceKey> keys = {{0, 0, 1, 1},          {0, 0, 1, 2}, {0, 0, 1, 255}, {0, 0, 1, 256},
                                             {0, 0, 1, kMax64},     {0, 0, 2, 1}, {0, 0, 255, 1}, {0, 0, 256, 1},
                                             {0, 0, kMax64, 1},     {0, 1, 1, 1}, {0, 255, 1, 1}, {0, 256, 1, 1},
                                             {0, 0xFFFFFFFF, 1, 1}, {1, 0, 1, 1}, {256, 0, 1, 1}, {0xFFFF, 0, 1, 1}};
  return keys;
}

TEST(LedgerCodec, KeysSortAsSlicesDo) {
  for (std::size_t i = 1; i < ascending_keys().size(); ++i) {
    const SliceKey &lower = ascending_keys()[i - 1], &higher = ascending_keys()[i];
    ASSERT_LT(lower, higher);
    EXPECT_LT(row_key(lower), row_key(higher)) << i;
    EXPECT_LT(output_key(lower), output_key(higher)) << i;
    EXPECT_LT(quarantine_key({lower, 256}), quarantine_key({higher, 0})) << i;
    EXPECT_LT(error_index_key(5, lower), error_index_key(5, higher)) << i;
    EXPECT_LT(row_seek_key(series_of(higher), higher.order), row_key(higher)) << i;
    EXPECT_GT(output_seek_key({0, 0}, 2), output_key({0, 0, 1, kMax64}));
  }
}

TEST(LedgerCodec, TheErrorIndexSortsNewestFirst) {
  const SliceKey low{0, 0, 1, 1}, high{9, 9, 9, 9};
  const std::vector<WallMs> newest_first = {std::numeric_limits<WallMs>::max(), 2, 1, 0, -1,
                                            std::numeric_limits<WallMs>::min()};
  for (std::size_t i = 1; i < newest_first.size(); ++i) {
    EXPECT_LT(error_index_key(newest_first[i - 1], high), error_index_key(newest_first[i], low)) << i;
  }
}

TEST(LedgerCodec, KeysDecode) {
  for (const SliceKey& key : ascending_keys()) {
    EXPECT_EQ(*decode_row_key(row_key(key)), key);
    EXPECT_EQ(*decode_output_key(output_key(key)), key);
    EXPECT_EQ(*decode_recommitted_key(recommitted_key(key)), key);
    EXPECT_EQ(*decode_error_index_key(error_index_key(-3, key)), key);
    EXPECT_EQ(*decode_quarantine_key(quarantine_key({key, 0xFFFFFFFF})), (QuarantinePlace{key, 0xFFFFFFFF}));
  }
  EXPECT_EQ(*decode_position_key(position_key(77)), 77U);
  EXPECT_EQ(*decode_creation_key(creation_key({3, 4}, 5)), (SeriesPlace{{3, 4}, 5}));
  EXPECT_EQ(*decode_interval_key(interval_key({3, 4}, 5)), (SeriesPlace{{3, 4}, 5}));
}

TEST(LedgerCodec, BadKeysAreRefused) {
  const std::string good = row_key({1, 2, 3, 300});
  for (std::size_t length = 0; length < good.size(); ++length)
    EXPECT_FALSE(decode_row_key(good.substr(0, length))) << length;
  EXPECT_FALSE(decode_row_key(good + "x"));
  EXPECT_FALSE(decode_row_key(recommitted_key({1, 2, 3, 300})));
  EXPECT_FALSE(decode_output_key(output_seek_key({1, 2}, 3)));  // path 0 is no path
  std::string zero_led = output_key({1, 2, 3, 1});
  zero_led[zero_led.size() - 2] = 2;
  zero_led.insert(zero_led.size() - 1, 1, '\0');
  EXPECT_FALSE(decode_output_key(zero_led));
  EXPECT_FALSE(decode_position_key("p12"));
  EXPECT_FALSE(decode_creation_key(interval_key({3, 4}, 5)));
  EXPECT_FALSE(decode_interval_key("i"));
  EXPECT_FALSE(decode_quarantine_key(row_key({1, 2, 3, 300})));
  EXPECT_FALSE(decode_quarantine_key(quarantine_key({{1, 2, 3, 300}, 4}) + "x"));
  EXPECT_FALSE(decode_try(try_key({1, 2, 3, 300}, {4, 5}) + "x", ""));
  EXPECT_EQ(decode_error_index_key("x").error().code, ErrorCode::corrupt);
}

// One encoded value of each kind, and whether decoding it as what it is gives an error.
struct Sample {
  std::string name, key, value;
  std::function<std::optional<Error>(std::string_view, std::string_view)> decode;
};

template <typename T>
std::function<std::optional<Error>(std::string_view, std::string_view)> erased(Result<T> (*decode)(std::string_view,
                                                                                                   std::string_view)) {
  return [decode](std::string_view key, std::string_view value) -> std::optional<Error> {
    const auto result = decode(key, value);
    if (result) return std::nullopt;
    return result.error();
  };
}

const SliceKey kSlice{1, 2, 3, 5};
const HeaderFact kHeader{kFormat, 1234567, CleanupType::errors, true, R"({"a":1})", {"ex-0", "ex-1"}};
const SliceCounters kCounters{1, 2, 3, 4, 5, 6, 7, kMax64};
const Remarks kRemarks = {{"operations[1] filter: \"a\" was in no record", true}, {"", false}};
const JoinRecord kJoined{{true, 1, 2, kMax64, 0xFFFFFFFF}, true};
const LedgerOutcome kOutcome{ExecutionStatus::terminated, "killed", -5};
const SlicerPosition kPosition{"at 7", true, kMax64};
const SliceRun kRun{1, 2, 3, 4, ListRequests{{R"({"a":1})", R"({"b":2})"}}};
const LedgerFigures kFigures{1, 2, {{0, kMax64}, {3, 4}}, 5, 6, {{7, 8, 9}, {10, 11, kMax64}}};
const std::vector<std::string> kNotices{"left out a", ""};
const OpenRow kRow{kSlice, SliceState::start, 1, 2, 3, 4, 5, R"({"id":1})", "it broke"};
const QuarantineRow kQuarantined{
    {kSlice, 7}, 1, -3, {"operations[2] script", {2, "script"}, "/in: byte 5", std::string("a\0b", 3), "broken"}};
const QuarantineRow kRoutedQuarantined{
    {kSlice, 7}, 1, -3, {"lows (filter)", {2, "lows"}, "", "{}", "broken", R"({"route":"a"})"}};
const CommittedOutput kOutput{kSlice, {kMax64, 0xFFFFFFFF}, {true, 1, kMax64, 3, 4}};
const CommittedOutput kParts{
    kSlice, {7, 1}, {true, 3, 50, 0, 4, 0, {{"DE/2026", 1, 20, kMax64}, {"%00/2026", 2, 30, 0}}}};
const CommittedOutput kSinks{
    kSlice,
    {7, 1},
    {.present = true,
     .records = 4,
     .bytes = 90,
     .request_hash = 4,
     .sinks = {
         {.present = true, .records = 1, .bytes = 40, .checksum = kMax64, .request_hash = 4},
         {.present = true, .records = 3, .bytes = 50, .request_hash = 4, .sink = 7, .parts = {{"DE", 3, 50, 9}}}}}};

const SliceTry kTry{.key = kSlice,
                    .attempt = {300, 7},
                    .settled_in = 2,
                    .end = SliceTry::End::worker_died,
                    .began_ms = -5,
                    .ended_ms = 1'700'000'000'000,
                    .place = "1.0.2",
                    .name = "convert[2]",
                    .worker = "w",
                    .value = "v",
                    .error = "e"};

std::vector<Sample> samples() {
  std::vector<Sample> all;
  const auto fact = [&](std::string name, Fact which, auto encode, auto decode, const auto& value) {
    const std::string key = fact_key(which);
    all.push_back({std::move(name), key, encode(key, value), erased(decode)});
  };
  fact("header", Fact::header, encode_header, decode_header, kHeader);
  fact("epoch", Fact::epoch, encode_epoch, decode_epoch, std::uint64_t{300});
  fact("counters", Fact::counters, encode_counters, decode_counters, kCounters);
  fact("wanted", Fact::wanted, encode_wanted, decode_wanted, WantedState::stopping);
  fact("joined", Fact::joined, encode_joined, decode_joined, kJoined);
  fact("remarks", Fact::remarks, encode_remarks, decode_remarks, kRemarks);
  fact("figures", Fact::figures, encode_figures, decode_figures, kFigures);
  fact("notices", Fact::notices, encode_notices, decode_notices, kNotices);
  fact("outcome", Fact::outcome, encode_outcome, decode_outcome, kOutcome);
  fact("row counts", Fact::row_counts, encode_row_counts, decode_row_counts, RowCounts{1, 2});
  const auto other = [&](std::string name, const std::string& key, const std::string& value, auto decode) {
    all.push_back({std::move(name), key, value, erased(decode)});
  };
  other("position", position_key(9), encode_position(position_key(9), kPosition), decode_position);
  other("creation", creation_key({1, 2}, 3), encode_creation(creation_key({1, 2}, 3), kRun), decode_creation);
  other("interval", interval_key({1, 2}, 3), encode_interval(interval_key({1, 2}, 3), 900), decode_interval);
  other("row", row_key(kSlice), encode_row(row_key(kSlice), kRow), decode_row);
  other("quarantined", fact_key(Fact::quarantined), encode_quarantined(fact_key(Fact::quarantined), 900),
        decode_quarantined);
  other("quarantine", quarantine_key(kQuarantined.at), encode_quarantine(quarantine_key(kQuarantined.at), kQuarantined),
        decode_quarantine);
  other("try", try_key(kTry.key, kTry.attempt), encode_try(try_key(kTry.key, kTry.attempt), kTry), decode_try);
  other("output", output_key(kSlice), encode_output(output_key(kSlice), kOutput), decode_output);
  other("output in parts", output_key(kSlice), encode_output(output_key(kSlice), kParts), decode_output);
  other("output of sinks", output_key(kSlice), encode_output(output_key(kSlice), kSinks), decode_output);
  return all;
}

TEST(LedgerCodec, ValuesDecodeToWhatWasEncoded) {
  const std::string meta = fact_key(Fact::header);
  EXPECT_EQ(*decode_header(meta, encode_header(meta, kHeader)), kHeader);
  EXPECT_EQ(*decode_epoch(meta, encode_epoch(meta, kMax64)), kMax64);
  EXPECT_EQ(*decode_counters(meta, encode_counters(meta, kCounters)), kCounters);
  EXPECT_EQ(*decode_wanted(meta, encode_wanted(meta, WantedState::paused)), WantedState::paused);
  EXPECT_EQ(*decode_joined(meta, encode_joined(meta, kJoined)), kJoined);
  EXPECT_EQ(*decode_remarks(meta, encode_remarks(meta, kRemarks)), kRemarks);
  const std::string tried = try_key(kTry.key, kTry.attempt);
  EXPECT_EQ(*decode_try(tried, encode_try(tried, kTry)), kTry);
  EXPECT_EQ(*decode_figures(meta, encode_figures(meta, kFigures)), kFigures);
  EXPECT_EQ(*decode_notices(meta, encode_notices(meta, kNotices)), kNotices);
  EXPECT_EQ(*decode_outcome(meta, encode_outcome(meta, kOutcome)), kOutcome);
  EXPECT_EQ(*decode_row_counts(meta, encode_row_counts(meta, {8, 9})), (RowCounts{8, 9}));
  EXPECT_EQ(*decode_position(position_key(1), encode_position(position_key(1), kPosition)), kPosition);
  EXPECT_EQ(*decode_creation(creation_key({1, 2}, 3), encode_creation(creation_key({1, 2}, 3), kRun)), kRun);
  EXPECT_EQ(*decode_interval(interval_key({1, 2}, 3), encode_interval(interval_key({1, 2}, 3), 900)),
            (IntervalSet::Interval{3, 900}));
  EXPECT_EQ(*decode_row(row_key(kSlice), encode_row(row_key(kSlice), kRow)), kRow);
  EXPECT_EQ(*decode_output(output_key(kSlice), encode_output(output_key(kSlice), kOutput)), kOutput);
  EXPECT_EQ(*decode_output(output_key(kSlice), encode_output(output_key(kSlice), kParts)), kParts);
  EXPECT_EQ(*decode_output(output_key(kSlice), encode_output(output_key(kSlice), kSinks)), kSinks);
  EXPECT_EQ(*decode_quarantine(quarantine_key(kQuarantined.at),
                               encode_quarantine(quarantine_key(kQuarantined.at), kQuarantined)),
            kQuarantined);
  EXPECT_EQ(*decode_quarantine(quarantine_key(kRoutedQuarantined.at),
                               encode_quarantine(quarantine_key(kRoutedQuarantined.at), kRoutedQuarantined)),
            kRoutedQuarantined);
  const std::string quarantined = fact_key(Fact::quarantined);
  EXPECT_EQ(*decode_quarantined(quarantined, encode_quarantined(quarantined, kMax64)), kMax64);
  const CommittedOutput nothing{kSlice, {1, 1}, {}};
  EXPECT_EQ(*decode_output(output_key(kSlice), encode_output(output_key(kSlice), nothing)), nothing);
}

TEST(LedgerCodec, EveryFlippedBitIsCorrupt) {
  for (const Sample& sample : samples()) {
    ASSERT_EQ(sample.decode(sample.key, sample.value), std::nullopt) << sample.name;
    for (std::size_t bit = 0; bit < sample.value.size() * 8; ++bit) {
      std::string damaged = sample.value;
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
      const auto error = sample.decode(sample.key, damaged);
      ASSERT_TRUE(error) << sample.name << " bit " << bit;
      ASSERT_EQ(error->code, ErrorCode::corrupt) << sample.name << " bit " << bit;
    }
  }
}

TEST(LedgerCodec, EveryTruncationIsCorrupt) {
  for (const Sample& sample : samples()) {
    for (std::size_t length = 0; length < sample.value.size(); ++length) {
      const auto error = sample.decode(sample.key, sample.value.substr(0, length));
      ASSERT_TRUE(error) << sample.name << " at " << length;
      ASSERT_EQ(error->code, ErrorCode::corrupt);
    }
  }
}

// A value that was copied below another key is as wrong as a damaged one.
TEST(LedgerCodec, AValueBelongsToItsKey) {
  const std::string value = encode_row(row_key(kSlice), kRow);
  const auto row = decode_row(row_key({1, 2, 4, 5}), value);
  ASSERT_FALSE(row);
  EXPECT_EQ(row.error().code, ErrorCode::corrupt);
  EXPECT_THAT(row.error().message, HasSubstr("row of slice 1/2/4/5"));
}

TEST(LedgerCodec, SealedNonsenseIsCorrupt) {
  const std::string row = row_key(kSlice);
  OpenRow pending = kRow;
  pending.state = SliceState::pending;
  EXPECT_EQ(decode_row(row, encode_row(row, pending)).error().code, ErrorCode::corrupt);
  const std::string interval = interval_key({1, 2}, 3);
  EXPECT_EQ(decode_interval(interval, encode_interval(interval, 2)).error().code, ErrorCode::corrupt);
  const std::string creation = creation_key({1, 2}, 4);  // the run says 3
  EXPECT_EQ(decode_creation(creation, encode_creation(creation, kRun)).error().code, ErrorCode::corrupt);
  const std::string meta = fact_key(Fact::header);
  EXPECT_EQ(decode_header(meta, encode_header(meta, {kFormat, 1, CleanupType::none, false, "", {}})).error().code,
            ErrorCode::corrupt);
  EXPECT_EQ(decode_wanted(meta, encode_wanted(meta, static_cast<WantedState>(3))).error().code, ErrorCode::corrupt);
}

TEST(LedgerCodec, ANewerFormatIsUnsupported) {
  const std::string meta = fact_key(Fact::header);
  HeaderFact newer = kHeader;
  newer.format = kFormat + 1;
  const auto header = decode_header(meta, encode_header(meta, newer));
  ASSERT_FALSE(header);
  EXPECT_EQ(header.error().code, ErrorCode::unsupported);
}

}  // namespace
}  // namespace slicemill::ledger_codec
