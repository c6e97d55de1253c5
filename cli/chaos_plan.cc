#include "cli/chaos_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <string>

#include "core/runtime/text.h"

namespace slicemill::cli {
namespace {

using std::chrono::milliseconds;

// A controller that dies more often within a minute of its start is given up by its master.
constexpr std::int64_t kMostKills = 9;
// Between two kills, on average: a controller is back after a tenth of a second, and then there is work to disturb.
constexpr milliseconds kRoomPerKill{400};
constexpr milliseconds kLeastLength{1'000};

Error wrong(std::string_view what, std::string_view why) {
  return {ErrorCode::invalid,
          fmt::format("run: --chaos: {}: {}; for example seed=7,kill=worker+controller,kills=8", what, why)};
}

Result<std::int64_t> number(const std::string& item, std::string_view text, std::int64_t least, std::int64_t most) {
  const auto value = parse_integer(text);
  if (!value || *value < least || *value > most)
    return wrong(item, fmt::format("expected a number from {} to {}", least, most));
  return *value;
}

Result<void> choose_victims(const std::string& item, std::string_view victims, ChaosPlan& plan) {
  plan.kills_workers = plan.kills_controller = false;
  for (const std::string& victim : split(victims, '+')) {
    if (victim == "worker")
      plan.kills_workers = true;
    else if (victim == "controller")
      plan.kills_controller = true;
    else
      return wrong(item, "expected worker, controller, or both with a + between");
  }
  return {};
}

}  // namespace

Result<ChaosPlan> parse_chaos_plan(std::string_view text) {
  ChaosPlan plan;
  for (const std::string& item : split(text, ',')) {
    const auto equals = item.find('=');
    const std::string key = item.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : item.substr(equals + 1);
    if (key == "seed") {
      ASSIGN_OR_RETURN(plan.seed, number(item, value, 0, INT64_MAX));
    } else if (key == "kills") {
      ASSIGN_OR_RETURN(plan.kills, number(item, value, 1, kMostKills));
    } else if (key == "kill") {
      RETURN_IF_ERROR(choose_victims(item, value, plan));
    } else {
      return wrong(item, "unknown");
    }
  }
  return plan;
}

std::vector<ChaosKill> draw_kills(std::uint64_t seed, std::int64_t kills, milliseconds length) {
  std::mt19937_64 chance(seed);
  std::uniform_real_distribution<double> part(0.05, 0.95);
  std::vector<ChaosKill> drawn;
  for (std::int64_t i = 0; i < kills; ++i) {
    const auto at = milliseconds(static_cast<std::int64_t>(part(chance) * static_cast<double>(length.count())));
    drawn.push_back({at, chance()});
  }
  std::ranges::sort(drawn, {}, &ChaosKill::at);
  return drawn;
}

milliseconds least_chaos_length(std::int64_t kills) {
  return std::max(kLeastLength, kRoomPerKill * kills);
}

milliseconds pause_per_slice(milliseconds length, std::uint64_t slices, std::int64_t workers) {
  if (slices == 0) return milliseconds(0);
  const std::int64_t count = static_cast<std::int64_t>(slices);
  const std::int64_t executors = std::max<std::int64_t>(workers, 1);
  const std::int64_t rounds = (count + executors - 1) / executors;
  return milliseconds((length.count() + rounds - 1) / rounds);
}

}  // namespace slicemill::cli
