// The settings of this process, from its flags, its environment and its configuration file.
#pragma once

#include "cli/command_line.h"
#include "core/runtime/config.h"
#include "core/runtime/result.h"

namespace slicemill::cli {

Result<Settings> settings_of(const CommandLine& line);

}  // namespace slicemill::cli
