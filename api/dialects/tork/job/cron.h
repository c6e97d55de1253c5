// Cron expressions: when a schedule fires. Pure, any thread.
//
// cron  := minute hour day month weekday | "@yearly" | "@annually" | "@monthly" | "@weekly" | "@daily" | "@midnight"
//        | "@hourly" | "@every " duration
// field := part ("," part)*     part := ("*" | "?" | value ["-" value]) ["/" step]
//
// Months and weekdays may be names of three letters; Sunday is 0.
#pragma once

#include <string_view>

#include "core/runtime/result.h"

namespace slicemill::api::tork {

// invalid: not of that grammar, out of range, or a day that no month of it has, so that it never fires.
Result<void> check_cron(std::string_view text);

}  // namespace slicemill::api::tork
