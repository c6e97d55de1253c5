#include "core/ledger/ledger_codec.h"

#include <fmt/core.h>
#include <xxhash.h>

#include <bit>
#include <span>
#include <utility>

#include "core/runtime/varint.h"

namespace slicemill::ledger_codec {
namespace {

constexpr std::uint8_t kValueVersion = 1;
constexpr std::size_t kCheckBytes = 4;
// Quarantined records are counted by their rows.
constexpr auto kStoredCounters = std::span(kSliceCounters).first<kSliceCounters.size() - 1>();
static_assert(kSliceCounters.back().value == &SliceCounters::quarantined);

// ---- keys -----------------------------------------------------------------------------------------------------------

void append_big_endian(std::string& out, std::uint64_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
}

void append_slice(std::string& out, const SliceKey& key) {
  append_big_endian(out, key.generation, 2);
  append_big_endian(out, key.slicer, 4);
  append_big_endian(out, key.order, 8);
  const auto path_bytes = static_cast<int>((std::bit_width(key.path) + 7) / 8);
  out.push_back(static_cast<char>(path_bytes));
  append_big_endian(out, key.path, path_bytes);
}

class KeyReader {
 public:
  explicit KeyReader(std::string_view key) : rest_(key) {}

  std::uint64_t big_endian(std::size_t bytes) {
    if (rest_.size() < bytes) {
      ok_ = false;
      rest_ = {};
      return 0;
    }
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes; ++i) value = (value << 8) | static_cast<std::uint8_t>(rest_[i]);
    rest_.remove_prefix(bytes);
    return value;
  }
  void expect(char prefix) {
    if (big_endian(1) != static_cast<std::uint8_t>(prefix)) ok_ = false;
  }
  SeriesKey series() {
    SeriesKey key;
    key.generation = static_cast<std::uint16_t>(big_endian(2));
    key.slicer = static_cast<std::uint32_t>(big_endian(4));
    return key;
  }
  SliceKey slice() {
    const SeriesKey series_key = series();
    const std::uint64_t order = big_endian(8);
    const std::uint64_t path_bytes = big_endian(1);
    const std::uint64_t path = path_bytes <= 8 ? big_endian(path_bytes) : 0;
    ok_ = ok_ && path != 0 && static_cast<std::uint64_t>((std::bit_width(path) + 7) / 8) == path_bytes;
    return {series_key.generation, series_key.slicer, order, path};
  }
  bool at_end() const { return ok_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

std::string series_key_text(char prefix, SeriesKey series, std::uint64_t first_order) {
  std::string key(1, prefix);
  append_big_endian(key, series.generation, 2);
  append_big_endian(key, series.slicer, 4);
  append_big_endian(key, first_order, 8);
  return key;
}

std::string slice_key_text(char prefix, const SliceKey& slice) {
  std::string key(1, prefix);
  append_slice(key, slice);
  return key;
}

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) text += fmt::format("{:02x}", static_cast<std::uint8_t>(byte));
  return text;
}

std::string slice_words(const SliceKey& key) {
  return fmt::format("slice {}/{}/{}{}", key.generation, key.slicer, key.order,
                     key.path == SliceKey::kWholeSlice ? "" : fmt::format("/{}", key.path));
}

std::string place_words(const SeriesPlace& place) {
  return slice_words({place.series.generation, place.series.slicer, place.first_order, SliceKey::kWholeSlice});
}

Error bad_key(std::string_view key) {
  return Error(ErrorCode::corrupt, fmt::format("key {} does not decode", hex(key)));
}

Result<SeriesPlace> decode_series_key(char prefix, std::string_view key) {
  KeyReader reader(key);
  reader.expect(prefix);
  SeriesPlace place;
  place.series = reader.series();
  place.first_order = reader.big_endian(8);
  if (!reader.at_end()) return bad_key(key);
  return place;
}

Result<SliceKey> decode_slice_key(char prefix, std::string_view key) {
  KeyReader reader(key);
  reader.expect(prefix);
  const SliceKey slice = reader.slice();
  if (!reader.at_end()) return bad_key(key);
  return slice;
}

// ---- values ---------------------------------------------------------------------------------------------------------

std::uint32_t check_of(std::string_view key, std::string_view versioned_body) {
  const XXH64_hash_t seed = XXH3_64bits(key.data(), key.size());
  return static_cast<std::uint32_t>(XXH3_64bits_withSeed(versioned_body.data(), versioned_body.size(), seed));
}

// Collects version and body; sealed() adds the check.
struct ValueWriter {
  std::string bytes;
  ByteWriter body{bytes};

  ValueWriter() { body.u8(kValueVersion); }
  ValueWriter(const ValueWriter&) = delete;
  ValueWriter& operator=(const ValueWriter&) = delete;
  std::string sealed(std::string_view key) {
    body.fixed32(check_of(key, bytes));
    return std::move(bytes);
  }
};

Error bad_value() {
  return Error(ErrorCode::corrupt, "the record does not decode");
}

Result<std::string_view> unsealed(std::string_view key, std::string_view value) {
  if (value.size() < 1 + kCheckBytes) {
    return Error(ErrorCode::corrupt, fmt::format("{} bytes are too few for a value", value.size()));
  }
  const std::string_view versioned_body = value.substr(0, value.size() - kCheckBytes);
  ByteReader check(value.substr(versioned_body.size()));
  if (check.fixed32() != check_of(key, versioned_body)) {
    return Error(ErrorCode::corrupt, "the stored bytes do not match their checksum");
  }
  const auto version = static_cast<std::uint8_t>(versioned_body.front());
  if (version != kValueVersion) {
    return Error(ErrorCode::unsupported, fmt::format("record version {} is not known here", version));
  }
  return versioned_body.substr(1);
}

// Unseals, lets `read(reader, target)` fill the target, and insists on a body that is used up. `read` gives false for a
// bad field.
template <typename T, typename Read>
Result<T> decode_value(std::string_view key, std::string_view value, const Read& read) {
  ASSIGN_OR_RETURN(const std::string_view body, unsealed(key, value));
  ByteReader reader(body);
  T target{};
  if (!read(reader, target) || !reader.at_end()) return bad_value();
  return target;
}

// The same with a place in the error: `what()` names the key in words, e.g. "row of slice 0/0/17", and is asked only
// then.
template <typename T, typename What, typename Read>
Result<T> decode(std::string_view key, std::string_view value, const What& what, const Read& read) {
  auto result = decode_value<T>(key, value, read);
  if (!result) return with_context(result.error(), what());
  return result;
}
template <typename T, typename Read>
Result<T> decode(std::string_view key, std::string_view value, const char* what, const Read& read) {
  return decode<T>(
      key, value, [what] { return std::string(what); }, read);
}

// False if the number is not one of the enumerators 0..last.
template <typename Enum>
bool read_enum(ByteReader& reader, Enum last, Enum& target) {
  const std::uint8_t number = reader.u8();
  target = static_cast<Enum>(number);
  return number <= static_cast<std::uint8_t>(last);
}

bool read_bool(ByteReader& reader, bool& target) {
  const std::uint8_t number = reader.u8();
  target = number != 0;
  return number <= 1;
}

template <typename Number>
bool read_number(ByteReader& reader, Number& target) {
  const std::uint64_t number = reader.varint();
  target = static_cast<Number>(number);
  return reader.ok() && target == number;
}

constexpr std::uint8_t kNoOutput = 0, kOneFile = 1, kSeveralFiles = 2, kSeveralSinks = 3;

std::uint8_t kind_of(const OutputFacts& facts) {
  if (!facts.present) return kNoOutput;
  if (!facts.sinks.empty()) return kSeveralSinks;
  return facts.parts.empty() ? kOneFile : kSeveralFiles;
}

void write_sums(ByteWriter& writer, const OutputFacts& facts) {
  writer.varint(facts.records);
  writer.varint(facts.bytes);
  writer.fixed64(facts.checksum);
  writer.fixed32(facts.request_hash);
}

void read_sums(ByteReader& reader, OutputFacts& facts) {
  facts.records = reader.varint();
  facts.bytes = reader.varint();
  facts.checksum = reader.fixed64();
  facts.request_hash = reader.fixed32();
}

void write_facts_of_sink(ByteWriter& writer, const OutputFacts& facts) {
  writer.u8(kind_of(facts));
  if (!facts.present) return;
  write_sums(writer, facts);
  if (facts.parts.empty()) return;
  writer.varint(facts.parts.size());
  for (const OutputPart& part : facts.parts) {
    writer.text(part.place);
    writer.varint(part.records);
    writer.varint(part.bytes);
    writer.fixed64(part.checksum);
  }
}

void write_facts(ByteWriter& writer, const OutputFacts& facts) {
  if (facts.sinks.empty()) {
    write_facts_of_sink(writer, facts);
    return;
  }
  writer.u8(kSeveralSinks);
  write_sums(writer, facts);
  writer.varint(facts.sinks.size());
  for (const OutputFacts& sink : facts.sinks) {
    writer.varint(sink.sink);
    write_facts_of_sink(writer, sink);
  }
}

bool read_facts_of_sink(ByteReader& reader, std::uint8_t kind, OutputFacts& facts) {
  facts.present = kind != kNoOutput;
  if (kind > kSeveralFiles) return false;
  if (!facts.present) return true;
  read_sums(reader, facts);
  if (kind == kOneFile) return reader.ok();
  const std::uint64_t count = reader.varint();
  for (std::uint64_t i = 0; i < count && reader.ok(); ++i) {
    OutputPart& part = facts.parts.emplace_back();
    part.place = reader.text();
    part.records = reader.varint();
    part.bytes = reader.varint();
    part.checksum = reader.fixed64();
  }
  return reader.ok() && !facts.parts.empty();
}

bool read_facts(ByteReader& reader, OutputFacts& facts) {
  const std::uint8_t kind = reader.u8();
  if (kind != kSeveralSinks) return read_facts_of_sink(reader, kind, facts);
  facts.present = true;
  read_sums(reader, facts);
  const std::uint64_t count = reader.varint();
  for (std::uint64_t i = 0; i < count && reader.ok(); ++i) {
    OutputFacts& sink = facts.sinks.items().emplace_back();
    if (!read_number(reader, sink.sink) || !read_facts_of_sink(reader, reader.u8(), sink) || !sink.present)
      return false;
  }
  return reader.ok() && !facts.sinks.empty();
}

bool read_row_state(ByteReader& reader, SliceState& state) {
  state = static_cast<SliceState>(reader.u8());
  return state == SliceState::error || state == SliceState::start;
}

}  // namespace

// ---- keys -----------------------------------------------------------------------------------------------------------

std::string fact_key(Fact fact) {
  return {'m', static_cast<char>(fact)};
}

std::string position_key(std::uint32_t slicer) {
  std::string key(1, kPositions);
  append_big_endian(key, slicer, 4);
  return key;
}

std::string creation_key(SeriesKey series, std::uint64_t first_order) {
  return series_key_text(kCreations, series, first_order);
}

std::string interval_key(SeriesKey series, std::uint64_t first_order) {
  return series_key_text(kIntervals, series, first_order);
}

std::string row_key(const SliceKey& key) {
  return slice_key_text(kRows, key);
}

std::string recommitted_key(const SliceKey& key) {
  return slice_key_text(kRecommitted, key);
}

std::string quarantine_key(const QuarantinePlace& place) {
  std::string key = slice_key_text(kQuarantine, place.slice);
  append_big_endian(key, place.number, 4);
  return key;
}

std::string try_key(const SliceKey& key, const Attempt& attempt) {
  std::string bytes = slice_key_text(kTries, key);
  append_big_endian(bytes, attempt.epoch, 8);
  append_big_endian(bytes, attempt.n, 4);
  return bytes;
}

std::string error_index_key(WallMs updated_ms, const SliceKey& key) {
  std::string bytes(1, kErrorIndex);
  // Flipping the sign bit makes signed numbers sort as unsigned ones; the complement puts the newest first.
  append_big_endian(bytes, ~(static_cast<std::uint64_t>(updated_ms) ^ (std::uint64_t{1} << 63)), 8);
  append_slice(bytes, key);
  return bytes;
}

std::string output_key(const SliceKey& key) {
  std::string bytes;
  append_slice(bytes, key);
  return bytes;
}

// A path of no bytes is no path of a slice, and sorts before all that are.
std::string row_seek_key(SeriesKey series, std::uint64_t order) {
  return row_key({series.generation, series.slicer, order, 0});
}
std::string output_seek_key(SeriesKey series, std::uint64_t order) {
  return output_key({series.generation, series.slicer, order, 0});
}

Result<std::uint32_t> decode_position_key(std::string_view key) {
  KeyReader reader(key);
  reader.expect(kPositions);
  const auto slicer = static_cast<std::uint32_t>(reader.big_endian(4));
  if (!reader.at_end()) return bad_key(key);
  return slicer;
}

Result<SeriesPlace> decode_creation_key(std::string_view key) {
  return decode_series_key(kCreations, key);
}

Result<SeriesPlace> decode_interval_key(std::string_view key) {
  return decode_series_key(kIntervals, key);
}

Result<SliceKey> decode_row_key(std::string_view key) {
  return decode_slice_key(kRows, key);
}

Result<SliceKey> decode_recommitted_key(std::string_view key) {
  return decode_slice_key(kRecommitted, key);
}

Result<SliceKey> decode_error_index_key(std::string_view key) {
  KeyReader reader(key);
  reader.expect(kErrorIndex);
  reader.big_endian(8);
  const SliceKey slice = reader.slice();
  if (!reader.at_end()) return bad_key(key);
  return slice;
}

Result<QuarantinePlace> decode_quarantine_key(std::string_view key) {
  KeyReader reader(key);
  reader.expect(kQuarantine);
  const SliceKey slice = reader.slice();
  const auto number = static_cast<std::uint32_t>(reader.big_endian(4));
  if (!reader.at_end()) return bad_key(key);
  return QuarantinePlace{slice, number};
}

Result<SliceKey> decode_output_key(std::string_view key) {
  KeyReader reader(key);
  const SliceKey slice = reader.slice();
  if (!reader.at_end()) return bad_key(key);
  return slice;
}

// ---- facts of the execution -----------------------------------------------------------------------------------------

std::string encode_header(std::string_view key, const HeaderFact& header) {
  ValueWriter value;
  value.body.varint(header.format);
  value.body.zigzag(header.created_ms);
  value.body.u8(static_cast<std::uint8_t>(header.cleanup));
  value.body.u8(header.recovered ? 1 : 0);
  value.body.text(header.execution);
  value.body.varint(header.lineage.size());
  for (const std::string& ex_id : header.lineage) value.body.text(ex_id);
  return value.sealed(key);
}

Result<HeaderFact> decode_header(std::string_view key, std::string_view value) {
  // A newer format may be laid out differently behind its number.
  if (const auto body = unsealed(key, value)) {
    const std::uint64_t format = ByteReader(*body).varint();
    if (format > kFormat) {
      return Error(ErrorCode::unsupported,
                   fmt::format("ledger format {} is newer than {}, the newest known here", format, kFormat));
    }
  }
  return decode<HeaderFact>(key, value, "header", [](ByteReader& reader, HeaderFact& header) {
    header.format = reader.varint();
    header.created_ms = reader.zigzag();
    if (!read_enum(reader, CleanupType::quarantine, header.cleanup) || !read_bool(reader, header.recovered))
      return false;
    header.execution = reader.text();
    const std::size_t generations = reader.count();
    for (std::size_t i = 0; i < generations; ++i) header.lineage.emplace_back(reader.text());
    return header.format != 0 && !header.lineage.empty();
  });
}

std::string encode_epoch(std::string_view key, std::uint64_t epoch) {
  ValueWriter value;
  value.body.varint(epoch);
  return value.sealed(key);
}

Result<std::uint64_t> decode_epoch(std::string_view key, std::string_view value) {
  return decode<std::uint64_t>(key, value, "epoch", [](ByteReader& reader, std::uint64_t& epoch) {
    epoch = reader.varint();
    return true;
  });
}

std::string encode_counters(std::string_view key, const SliceCounters& counters) {
  ValueWriter value;
  for (const SliceCounterField& field : kStoredCounters) value.body.varint(counters.*field.value);
  return value.sealed(key);
}

Result<SliceCounters> decode_counters(std::string_view key, std::string_view value) {
  return decode<SliceCounters>(key, value, "counters", [](ByteReader& reader, SliceCounters& counters) {
    for (const SliceCounterField& field : kStoredCounters) counters.*field.value = reader.varint();
    return true;
  });
}

std::string encode_wanted(std::string_view key, WantedState wanted) {
  ValueWriter value;
  value.body.u8(static_cast<std::uint8_t>(wanted));
  return value.sealed(key);
}

Result<WantedState> decode_wanted(std::string_view key, std::string_view value) {
  return decode<WantedState>(key, value, "wanted state", [](ByteReader& reader, WantedState& wanted) {
    return read_enum(reader, WantedState::stopping, wanted);
  });
}

std::string encode_remarks(std::string_view key, const Remarks& remarks) {
  ValueWriter value;
  value.body.varint(remarks.size());
  for (const auto& [text, is_refuted] : remarks) {
    value.body.u8(is_refuted ? 1 : 0);
    value.body.text(text);
  }
  return value.sealed(key);
}

Result<Remarks> decode_remarks(std::string_view key, std::string_view value) {
  return decode<Remarks>(key, value, "remarks", [](ByteReader& reader, Remarks& remarks) {
    const std::uint64_t count = reader.varint();
    for (std::uint64_t i = 0; i < count && reader.ok(); ++i) {
      bool is_refuted = false;
      if (!read_bool(reader, is_refuted)) return false;
      remarks.emplace(reader.text(), is_refuted);
    }
    return remarks.size() == count;
  });
}

std::string encode_figures(std::string_view key, const LedgerFigures& figures) {
  ValueWriter value;
  value.body.varint(figures.completed_extent);
  value.body.varint(figures.failed_extent);
  value.body.varint(figures.source_extents.size());
  for (const auto& [slicer, extent] : figures.source_extents) {
    value.body.varint(slicer);
    value.body.varint(extent);
  }
  value.body.varint(figures.slices);
  value.body.varint(figures.measured_slices);
  value.body.varint(figures.operations.size());
  for (const OperationTotals& totals : figures.operations) {
    value.body.varint(totals.records);
    value.body.varint(totals.bytes);
    value.body.varint(totals.time_ns);
  }
  return value.sealed(key);
}

Result<LedgerFigures> decode_figures(std::string_view key, std::string_view value) {
  return decode<LedgerFigures>(key, value, "figures", [](ByteReader& reader, LedgerFigures& figures) {
    figures.completed_extent = reader.varint();
    figures.failed_extent = reader.varint();
    const std::uint64_t slicers = reader.varint();
    for (std::uint64_t i = 0; i < slicers && reader.ok(); ++i) {
      const std::uint64_t slicer = reader.varint();
      figures.source_extents[static_cast<std::uint32_t>(slicer)] = reader.varint();
    }
    figures.slices = reader.varint();
    figures.measured_slices = reader.varint();
    const std::uint64_t operations = reader.varint();
    for (std::uint64_t i = 0; i < operations && reader.ok(); ++i) {
      OperationTotals totals;
      totals.records = reader.varint();
      totals.bytes = reader.varint();
      totals.time_ns = reader.varint();
      figures.operations.push_back(totals);
    }
    return figures.source_extents.size() == slicers;
  });
}

std::string encode_notices(std::string_view key, const std::vector<std::string>& notices) {
  ValueWriter value;
  value.body.varint(notices.size());
  for (const std::string& notice : notices) value.body.text(notice);
  return value.sealed(key);
}

Result<std::vector<std::string>> decode_notices(std::string_view key, std::string_view value) {
  return decode<std::vector<std::string>>(key, value, "notices", [](ByteReader& reader, auto& notices) {
    const std::uint64_t count = reader.varint();
    for (std::uint64_t i = 0; i < count && reader.ok(); ++i) notices.emplace_back(reader.text());
    return notices.size() == count;
  });
}

std::string encode_joined(std::string_view key, const JoinRecord& joined) {
  ValueWriter value;
  value.body.u8(joined.published ? 1 : 0);
  write_facts(value.body, joined.facts);
  return value.sealed(key);
}

Result<JoinRecord> decode_joined(std::string_view key, std::string_view value) {
  return decode<JoinRecord>(key, value, "joined output", [](ByteReader& reader, JoinRecord& joined) {
    return read_bool(reader, joined.published) && read_facts(reader, joined.facts);
  });
}

std::string encode_outcome(std::string_view key, const LedgerOutcome& outcome) {
  ValueWriter value;
  value.body.u8(static_cast<std::uint8_t>(outcome.status));
  value.body.zigzag(outcome.at_ms);
  value.body.text(outcome.reason);
  return value.sealed(key);
}

Result<LedgerOutcome> decode_outcome(std::string_view key, std::string_view value) {
  return decode<LedgerOutcome>(key, value, "outcome", [](ByteReader& reader, LedgerOutcome& outcome) {
    if (!read_enum(reader, ExecutionStatus::terminated, outcome.status)) return false;
    outcome.at_ms = reader.zigzag();
    outcome.reason = reader.text();
    return true;
  });
}

std::string encode_row_counts(std::string_view key, const RowCounts& counts) {
  ValueWriter value;
  value.body.varint(counts.error);
  value.body.varint(counts.start);
  return value.sealed(key);
}

Result<RowCounts> decode_row_counts(std::string_view key, std::string_view value) {
  return decode<RowCounts>(key, value, "row counts", [](ByteReader& reader, RowCounts& counts) {
    counts.error = reader.varint();
    counts.start = reader.varint();
    return true;
  });
}

std::string encode_quarantined(std::string_view key, std::uint64_t records) {
  ValueWriter value;
  value.body.varint(records);
  return value.sealed(key);
}

Result<std::uint64_t> decode_quarantined(std::string_view key, std::string_view value) {
  return decode<std::uint64_t>(key, value, "number of quarantined records",
                               [](ByteReader& reader, std::uint64_t& records) {
                                 records = reader.varint();
                                 return true;
                               });
}

std::string encode_position(std::string_view key, const SlicerPosition& position) {
  ValueWriter value;
  value.body.u8(position.finished ? 1 : 0);
  value.body.varint(position.highest_order);
  value.body.text(position.position);
  return value.sealed(key);
}

Result<SlicerPosition> decode_position(std::string_view key, std::string_view value) {
  ASSIGN_OR_RETURN(const std::uint32_t slicer, decode_position_key(key));
  return decode<SlicerPosition>(
      key, value, [&] { return fmt::format("position of slicer {}", slicer); },
      [](ByteReader& reader, SlicerPosition& position) {
        if (!read_bool(reader, position.finished)) return false;
        position.highest_order = reader.varint();
        position.position = reader.text();
        return true;
      });
}

// ---- slices ---------------------------------------------------------------------------------------------------------

std::string encode_creation(std::string_view key, const SliceRun& run) {
  ValueWriter value;
  value.bytes += encode_run(run);
  return value.sealed(key);
}

Result<SliceRun> decode_creation(std::string_view key, std::string_view value) {
  ASSIGN_OR_RETURN(const SeriesPlace place, decode_creation_key(key));
  auto run = [&]() -> Result<SliceRun> {
    ASSIGN_OR_RETURN(const std::string_view body, unsealed(key, value));
    ASSIGN_OR_RETURN(SliceRun decoded, decode_run(body));
    const SeriesPlace named{{decoded.generation, decoded.slicer}, decoded.first_order};
    if (named != place || decoded.count() == 0) return bad_value();
    return decoded;
  }();
  if (!run) return with_context(run.error(), "creation of " + place_words(place));
  return run;
}

std::string encode_interval(std::string_view key, std::uint64_t last) {
  ValueWriter value;
  value.body.varint(last);
  return value.sealed(key);
}

Result<IntervalSet::Interval> decode_interval(std::string_view key, std::string_view value) {
  ASSIGN_OR_RETURN(const SeriesPlace place, decode_interval_key(key));
  const auto what = [&] { return "settled interval from " + place_words(place); };
  return decode<IntervalSet::Interval>(key, value, what, [&](ByteReader& reader, IntervalSet::Interval& interval) {
    interval = {place.first_order, reader.varint()};
    return interval.last >= interval.first;
  });
}

std::string encode_row(std::string_view key, const OpenRow& row) {
  ValueWriter value;
  value.body.u8(static_cast<std::uint8_t>(row.state));
  value.body.zigzag(row.updated_ms);
  value.body.zigzag(row.created_ms);
  value.body.varint(row.settled_in);
  value.body.varint(row.retries);
  value.body.varint(row.crashes);
  value.body.text(row.request);
  value.body.text(row.error);
  return value.sealed(key);
}

Result<OpenRow> decode_row(std::string_view key, std::string_view value) {
  ASSIGN_OR_RETURN(const SliceKey slice, decode_row_key(key));
  return decode<OpenRow>(
      key, value, [&] { return "row of " + slice_words(slice); },
      [&](ByteReader& reader, OpenRow& row) {
        row.key = slice;
        if (!read_row_state(reader, row.state)) return false;
        row.updated_ms = reader.zigzag();
        row.created_ms = reader.zigzag();
        if (!read_number(reader, row.settled_in) || !read_number(reader, row.retries) ||
            !read_number(reader, row.crashes)) {
          return false;
        }
        row.request = reader.text();
        row.error = reader.text();
        return true;
      });
}

std::string encode_quarantine(std::string_view key, const QuarantineRow& row) {
  ValueWriter value;
  value.body.varint(row.settled_in);
  value.body.zigzag(row.at_ms);
  value.body.text(row.record.operation);
  value.body.varint(row.record.entry.index);
  value.body.text(row.record.entry.operation);
  value.body.text(row.record.place);
  value.body.text(row.record.error);
  value.body.text(row.record.bytes);
  if (!row.record.metadata.empty()) value.body.text(row.record.metadata);
  return value.sealed(key);
}

Result<QuarantineRow> decode_quarantine(std::string_view key, std::string_view value) {
  ASSIGN_OR_RETURN(const QuarantinePlace place, decode_quarantine_key(key));
  return decode<QuarantineRow>(
      key, value, [&] { return fmt::format("quarantined record {} of {}", place.number, slice_words(place.slice)); },
      [&](ByteReader& reader, QuarantineRow& row) {
        row.at = place;
        if (!read_number(reader, row.settled_in)) return false;
        row.at_ms = reader.zigzag();
        row.record.operation = reader.text();
        if (!read_number(reader, row.record.entry.index)) return false;
        row.record.entry.operation = reader.text();
        row.record.place = reader.text();
        row.record.error = reader.text();
        row.record.bytes = reader.text();
        if (reader.at_end()) return true;
        row.record.metadata = reader.text();
        return !row.record.metadata.empty();
      });
}

std::string encode_try(std::string_view key, const SliceTry& ended) {
  ValueWriter value;
  value.body.u8(static_cast<std::uint8_t>(ended.end));
  value.body.varint(ended.settled_in);
  value.body.zigzag(ended.began_ms);
  value.body.zigzag(ended.ended_ms);
  for (const std::string* text : {&ended.place, &ended.name, &ended.worker, &ended.value, &ended.error})
    value.body.text(*text);
  return value.sealed(key);
}

Result<SliceTry> decode_try(std::string_view key, std::string_view value) {
  KeyReader place(key);
  place.expect(kTries);
  SliceTry ended;
  ended.key = place.slice();
  ended.attempt.epoch = place.big_endian(8);
  ended.attempt.n = static_cast<std::uint32_t>(place.big_endian(4));
  if (!place.at_end()) return bad_key(key);
  return decode<SliceTry>(
      key, value, [&] { return "try of " + slice_words(ended.key); },
      [&](ByteReader& reader, SliceTry& read) {
        read.key = ended.key;
        read.attempt = ended.attempt;
        if (!read_enum(reader, SliceTry::End::worker_died, read.end) || !read_number(reader, read.settled_in))
          return false;
        read.began_ms = reader.zigzag();
        read.ended_ms = reader.zigzag();
        for (std::string* text : {&read.place, &read.name, &read.worker, &read.value, &read.error})
          *text = reader.text();
        return true;
      });
}

std::string encode_output(std::string_view key, const CommittedOutput& output) {
  ValueWriter value;
  value.body.varint(output.attempt.epoch);
  value.body.varint(output.attempt.n);
  write_facts(value.body, output.facts);
  return value.sealed(key);
}

Result<CommittedOutput> decode_output(std::string_view key, std::string_view value) {
  ASSIGN_OR_RETURN(const SliceKey slice, decode_output_key(key));
  return decode<CommittedOutput>(
      key, value, [&] { return "output of " + slice_words(slice); },
      [&](ByteReader& reader, CommittedOutput& output) {
        output.key = slice;
        output.attempt.epoch = reader.varint();
        return read_number(reader, output.attempt.n) && read_facts(reader, output.facts);
      });
}

}  // namespace slicemill::ledger_codec
