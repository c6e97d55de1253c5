// Dates of options that count from the moment of an execution: `now-1d`, `now-1h/d`, `today`. Pure, any thread.
//
// date := ("now" | "today" | "yesterday" | "tomorrow") (("+" | "-") number unit)* ["/" unit]     unit := y M w d h H m
// s `today` and its like are days: they are rounded to the whole day unless another unit is named.
#pragma once

#include <string>
#include <vector>

#include "core/model/operation_schema.h"
#include "core/runtime/clock.h"
#include "core/runtime/json.h"

namespace slicemill {

// Whether a text begins as such a date does: what follows must be one then.
bool is_relative_date(std::string_view text);

// The moment of a relative date, as text: the beginning of the period that it means, or its end.
Result<std::string> resolve_relative_date(std::string_view text, DateUse use, WallMs now);

// Puts moments in the place of the relative dates among the options. True if there was one.
bool resolve_dates(const OperationSchema& schema, Json& options, WallMs now, std::vector<ValidationIssue>& issues);

}  // namespace slicemill
