// What `slicemill run JOB --chaos seed=7,kill=worker+controller` asks for.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "core/runtime/result.h"

namespace slicemill::cli {

struct ChaosPlan {
  std::optional<std::uint64_t> seed;  // none: one is drawn and printed
  bool kills_workers = true;
  bool kills_controller = true;
  std::int64_t kills = 8;  // at most; fewer if the job ends before
};

struct ChaosKill {
  std::chrono::milliseconds at;  // after the execution began to run
  std::uint64_t number;          // chooses the victim among those that are there
};

// In the order of their moments, which lie within the middle nine tenths of a job that takes `length`. The same seed
// gives the same ones.
std::vector<ChaosKill> draw_kills(std::uint64_t seed, std::int64_t kills, std::chrono::milliseconds length);

// How long a job must take, undisturbed, so that this many kills find it at work.
std::chrono::milliseconds least_chaos_length(std::int64_t kills);

// What each slice must wait, so that a job of so many slices on so many workers takes `length` at least.
std::chrono::milliseconds pause_per_slice(std::chrono::milliseconds length, std::uint64_t slices, std::int64_t workers);

// plan := item ("," item)*     item := "seed=" N | "kill=" victim ("+" victim)* | "kills=" N     victim := worker |
// controller
Result<ChaosPlan> parse_chaos_plan(std::string_view text);

}  // namespace slicemill::cli
