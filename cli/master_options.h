// What a master is started with, from the settings and from where this program stands.
#pragma once

#include "core/model/connections.h"
#include "core/runtime/config.h"
#include "core/runtime/result.h"
#include "master/master.h"

namespace slicemill::cli {

// The error tells what is missing, for instance the worker program.
Result<master::MasterOptions> master_options(const Settings& settings, ConnectionBook connections);

}  // namespace slicemill::cli
