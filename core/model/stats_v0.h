// Figures of executions as programs before `Stats` stored them: a JSON object. Never written any more. Pure.
#pragma once

#include <string_view>

#include "core/model/stats.h"
#include "core/runtime/result.h"

namespace slicemill {

// What the text does not say is as if it was never counted. corrupt: this is no JSON object.
Result<Stats> stats_from_json(std::string_view text);

}  // namespace slicemill
