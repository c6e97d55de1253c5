#include "slicer/number_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace slicemill {
namespace {

// A run is one record whatever its length; pauses and recoveries stay cheap if it is not endless.
constexpr std::size_t kSlicesPerRun = 10'000;

}  // namespace

std::string number_position(std::int64_t next) {
  return fmt::format(R"({{"next":{}}})", next);
}

Result<std::int64_t> parse_number_position(const std::string& position, std::int64_t least, std::int64_t most) {
  auto parsed = parse_json(position);
  if (!parsed || !parsed->is_object() || !parsed->contains("next") || !(*parsed)["next"].is_number_integer()) {
    return Error(ErrorCode::corrupt, fmt::format("slicer position {} is not {{\"next\": number}}", position), false);
  }
  const auto next = (*parsed)["next"].get<std::int64_t>();
  if (next < least || next > most) {
    return Error(ErrorCode::corrupt, fmt::format("slicer position {} is outside of {} to {}", position, least, most),
                 false);
  }
  return next;
}

std::int64_t range_end(std::int64_t next, std::int64_t step, std::int64_t end, std::size_t slices) {
  // In slices, so that nothing overflows near the end of the numbers.
  const auto left = static_cast<std::uint64_t>(end) - static_cast<std::uint64_t>(next);
  const auto whole = left / static_cast<std::uint64_t>(step);
  return whole < slices ? end : next + static_cast<std::int64_t>(slices) * step;
}

std::int64_t run_end(std::int64_t next, std::int64_t step, std::int64_t end, std::size_t wanted) {
  return range_end(next, step, end, std::clamp<std::size_t>(wanted, kSlicesPerRun, 1'000'000));
}

std::string option_mismatch(std::initializer_list<const char*> names, const Json& recovered, const Json& now) {
  for (const char* name : names) {
    const Json before = recovered.contains(name) ? recovered[name] : Json();
    const Json after = now.contains(name) ? now[name] : Json();
    if (before != after) {
      return fmt::format("{} is {} now and was {} in the recovered execution", name, to_compact_text(after),
                         to_compact_text(before));
    }
  }
  return "";
}

}  // namespace slicemill
