// What `slicemill run JOB --chaos seed=7,kill=worker+controller` asks for.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/runtime/result.h"

namespace slicemill::cli {

struct ChaosPlan {
  std::optional<std::uint64_t> seed;  // none: one is drawn and printed
  bool kills_workers = true;
  bool kills_controller = true;
  std::int64_t kills = 8;  // at most; fewer if the job ends before
};

// plan := item ("," item)*     item := "seed=" N | "kill=" victim ("+" victim)* | "kills=" N     victim := worker |
// controller
Result<ChaosPlan> parse_chaos_plan(std::string_view text);

}  // namespace slicemill::cli
