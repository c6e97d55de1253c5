// The connections of this process's configuration file.
#pragma once

#include "connectors/connection_config.h"
#include "core/model/connections.h"
#include "core/model/job_spec.h"
#include "core/runtime/config.h"
#include "core/runtime/result.h"

namespace slicemill::cli {

// Warnings are printed. Once, before there is a second thread: variables that hold secrets are taken away.
Result<ConnectionBook> configured_connections(const Settings& settings);
// For a job that runs in this process: what its operations name, with the secrets.
Result<void> use_connections(const ConnectionBook& book, const JobSpec& job);

}  // namespace slicemill::cli
