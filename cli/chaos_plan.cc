#include "cli/chaos_plan.h"

#include <fmt/format.h>

#include <string>

#include "core/runtime/text.h"

namespace slicemill::cli {
namespace {

// A controller that dies more often within a minute of its start is given up by its master.
constexpr std::int64_t kMostKills = 9;

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

}  // namespace slicemill::cli
