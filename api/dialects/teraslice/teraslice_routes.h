// The routes of the Teraslice dialect: one table of rows over the commands of core/model/commands.h.
#pragma once

#include "api/http/router.h"
#include "core/model/commands.h"

namespace slicemill::api::teraslice {

// The dialect with the prefixes "" and "/v1". service outlives it.
Dialect dialect(JobService& service);

}  // namespace slicemill::api::teraslice
