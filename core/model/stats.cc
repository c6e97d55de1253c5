#include "core/model/stats.h"

#include <algorithm>

#include "core/model/stats_form.h"
#include "core/model/stats_v0.h"

namespace slicemill {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr char kBeginOfJson = '{';  // never a version

}  // namespace

Progress without_rates(Progress progress) {
  progress.records_per_second.reset();
  progress.bytes_per_second.reset();
  progress.remaining.reset();
  return progress;
}

std::optional<WallMs> run_seconds(const Stats& stats) {
  constexpr WallMs kSecond = 1000;
  if (!stats.finished) return std::nullopt;
  return std::max<WallMs>(1, (*stats.finished - stats.started) / kSecond);
}

std::string encode_stats(const Stats& stats) {
  std::string bytes;
  FormWriter writer{ByteWriter(bytes)};
  writer.u8(kVersion);
  describe(writer, stats);
  return bytes;
}

Result<Stats> decode_stats(std::string_view bytes) {
  if (bytes.starts_with(kBeginOfJson)) return stats_from_json(bytes);
  FormReader reader{ByteReader(bytes)};
  std::uint8_t version = 0;
  reader.u8(version);
  if (version != kVersion) return Error{ErrorCode::corrupt, "figures of an execution have an unknown form"};
  Stats stats;
  describe(reader, stats);
  if (!reader.valid || !reader.in.at_end()) return Error{ErrorCode::corrupt, "figures of an execution do not decode"};
  return stats;
}

}  // namespace slicemill
