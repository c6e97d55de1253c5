// From the table of settings to what an execution is given. Any thread.
#pragma once

#include "core/model/launch.h"
#include "core/runtime/config.h"

namespace slicemill::cli {

ExecutionSettings execution_settings(const Settings& settings);

}  // namespace slicemill::cli
