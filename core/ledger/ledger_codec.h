// Stored form of everything in a ledger: keys and values. Pure; no RocksDB here.
//
// Integers in keys are big endian, so that bytes sort as (generation, slicer, order, path). v = varint (little endian,
// base 128), z = zigzag varint, text = length:v byte*.
//
//   state column family
//     key   := 'm' name:u8                                      one fact of the execution, names below
//            | 'p' slicer:u32                                   position of a slicer
//            | 'b' generation:u16 slicer:u32 first_order:u64    creation of a run
//            | 'i' generation:u16 slicer:u32 first_order:u64    interval of settled orders
//            | 'r' slice                                        row
//            | 'x' ~updated:u64 slice                           index of error rows, newest first; no value
//            | 'q' slice number:u32                             quarantined record
//            | 't' slice epoch:u64 n:u32                        try that ended
//            | 'u' slice                                        output committed again after its slice had been
//            settled; no value
//   outputs column family
//     key   := slice
//   slice   := generation:u16 slicer:u32 order:u64 path         path := length:u8 byte{length}, big endian, no leading
//   zero byte
//
//   value   := version:u8 body check:u32                        check: XXH3-64 of version and body, seeded with that of
//   the key body    := 'm' 'h' format:v created_ms:z cleanup:u8 recovered:u8 execution:text count:v ex_id:text{count}
//            | 'm' 'e' epoch:v
//            | 'm' 'c' processed:v failed:v records_in:v records_out:v bytes_out:v retries:v refused:v subslices:v
//            | 'm' 'w' wanted:u8
//            | 'm' 'j' published:u8 facts
//            | 'm' 'o' status:u8 at_ms:z reason:text
//            | 'm' 'n' error_rows:v start_rows:v
//            | 'm' 'q' quarantined:v                            counter; absent: 0
//            | 'm' 'r' count:v (refuted:u8 text:text){count}    remarks; absent: none
//            | 'm' 'f' completed_extent:v failed_extent:v count:v (slicer:v extent:v){count} slices:v measured:v
//            count:v (records:v bytes:v time_ns:v){count}               figures; absent: all 0 | 'm' 't' count:v
//            text{count}                      notices; absent: none | 'p'     finished:u8 highest_order:v position:text
//            | 'b'     run                                      core/model/slice.h
//            | 'i'     last_order:v
//            | 'r'     state:u8 updated_ms:z created_ms:z settled_in:v retries:v crashes:v request:text error:text
//            | 'q'     settled_in:v at_ms:z operation:text entry:v entry_operation:text place:text error:text
//            bytes:text [metadata:text]
//            | 't'     end:u8 settled_in:v began_ms:z ended_ms:z place:text name:text worker:text value:text
//            error:text
//            | output  epoch:v n:v facts
//   facts   := 0:u8 | 1:u8 sums | 2:u8 sums n:v part{n} | 3:u8 sums n:v (sink:v facts){n}
//                                                               no output | one file | one below each place | of sinks
//   sums    := records:v bytes:v checksum:u64 request_hash:u32
//   part    := place:text records:v bytes:v checksum:u64
//
// Decoding a value that is not exactly this gives `corrupt`, its message names the key in words.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/ledger/open_work.h"
#include "core/ledger/slice_ledger.h"
#include "core/model/slice.h"
#include "core/runtime/interval_set.h"
#include "core/runtime/result.h"

namespace slicemill::ledger_codec {

inline constexpr std::uint64_t kFormat = 1;  // of the whole ledger; a higher one is `unsupported`

// ---- keys -----------------------------------------------------------------------------------------------------------
enum class Fact : char {
  header = 'h',
  epoch = 'e',
  counters = 'c',
  wanted = 'w',
  joined = 'j',
  outcome = 'o',
  row_counts = 'n',
  quarantined = 'q',
  remarks = 'r',
  figures = 'f',
  notices = 't',
};
inline constexpr char kPositions = 'p', kCreations = 'b', kIntervals = 'i', kRows = 'r', kErrorIndex = 'x',
                      kRecommitted = 'u', kQuarantine = 'q', kTries = 't';

// The first order of a creation or an interval.
struct SeriesPlace {
  SeriesKey series;
  std::uint64_t first_order = 0;
  bool operator==(const SeriesPlace&) const = default;
};

std::string fact_key(Fact fact);
std::string position_key(std::uint32_t slicer);
std::string creation_key(SeriesKey series, std::uint64_t first_order);
std::string interval_key(SeriesKey series, std::uint64_t first_order);
std::string row_key(const SliceKey& key);
std::string error_index_key(WallMs updated_ms, const SliceKey& key);
std::string recommitted_key(const SliceKey& key);
std::string quarantine_key(const QuarantinePlace& place);
std::string try_key(const SliceKey& key, const Attempt& attempt);
std::string output_key(const SliceKey& key);
// Before every key of the order, whatever its path: where an iterator seeks.
std::string row_seek_key(SeriesKey series, std::uint64_t order);
std::string output_seek_key(SeriesKey series, std::uint64_t order);

Result<std::uint32_t> decode_position_key(std::string_view key);
Result<SeriesPlace> decode_creation_key(std::string_view key);
Result<SeriesPlace> decode_interval_key(std::string_view key);
Result<SliceKey> decode_row_key(std::string_view key);
Result<SliceKey> decode_error_index_key(std::string_view key);
Result<SliceKey> decode_recommitted_key(std::string_view key);
Result<QuarantinePlace> decode_quarantine_key(std::string_view key);
Result<SliceKey> decode_output_key(std::string_view key);

// ---- values: sealed to their key ------------------------------------------------------------------------------------
// What identity and origin the ledger has, as it is stored: the rest of LedgerHeader has keys of its own.
struct HeaderFact {
  std::uint64_t format = kFormat;
  WallMs created_ms = 0;
  CleanupType cleanup = CleanupType::none;
  bool recovered = false;
  std::string execution;
  std::vector<std::string> lineage;  // never empty
  bool operator==(const HeaderFact&) const = default;
};
struct RowCounts {
  std::uint64_t error = 0, start = 0;
  bool operator==(const RowCounts&) const = default;
};

std::string encode_header(std::string_view key, const HeaderFact& header);
std::string encode_epoch(std::string_view key, std::uint64_t epoch);
std::string encode_counters(std::string_view key, const SliceCounters& counters);
std::string encode_wanted(std::string_view key, WantedState wanted);
std::string encode_remarks(std::string_view key, const Remarks& remarks);
std::string encode_figures(std::string_view key, const LedgerFigures& figures);
std::string encode_notices(std::string_view key, const std::vector<std::string>& notices);
std::string encode_joined(std::string_view key, const JoinRecord& joined);
std::string encode_outcome(std::string_view key, const LedgerOutcome& outcome);
std::string encode_row_counts(std::string_view key, const RowCounts& counts);
std::string encode_quarantined(std::string_view key, std::uint64_t records);
std::string encode_position(std::string_view key, const SlicerPosition& position);
std::string encode_creation(std::string_view key, const SliceRun& run);
std::string encode_interval(std::string_view key, std::uint64_t last);
std::string encode_row(std::string_view key, const OpenRow& row);
std::string encode_quarantine(std::string_view key, const QuarantineRow& row);
std::string encode_try(std::string_view key, const SliceTry& ended);
std::string encode_output(std::string_view key, const CommittedOutput& output);

Result<HeaderFact> decode_header(std::string_view key, std::string_view value);
Result<std::uint64_t> decode_epoch(std::string_view key, std::string_view value);
Result<SliceCounters> decode_counters(std::string_view key, std::string_view value);
Result<WantedState> decode_wanted(std::string_view key, std::string_view value);
Result<Remarks> decode_remarks(std::string_view key, std::string_view value);
Result<LedgerFigures> decode_figures(std::string_view key, std::string_view value);
Result<std::vector<std::string>> decode_notices(std::string_view key, std::string_view value);
Result<JoinRecord> decode_joined(std::string_view key, std::string_view value);
Result<LedgerOutcome> decode_outcome(std::string_view key, std::string_view value);
Result<RowCounts> decode_row_counts(std::string_view key, std::string_view value);
Result<std::uint64_t> decode_quarantined(std::string_view key, std::string_view value);
Result<SlicerPosition> decode_position(std::string_view key, std::string_view value);
Result<SliceRun> decode_creation(std::string_view key, std::string_view value);  // the run is the key's
Result<IntervalSet::Interval> decode_interval(std::string_view key, std::string_view value);
Result<OpenRow> decode_row(std::string_view key, std::string_view value);
Result<QuarantineRow> decode_quarantine(std::string_view key, std::string_view value);
Result<SliceTry> decode_try(std::string_view key, std::string_view value);
Result<CommittedOutput> decode_output(std::string_view key, std::string_view value);

}  // namespace slicemill::ledger_codec
