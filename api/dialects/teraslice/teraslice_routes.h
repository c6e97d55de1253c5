// The routes of the Teraslice dialect: one table of rows over the commands of core/model/commands.h.
#pragma once

#include "api/http/router.h"
#include "core/model/asset_service.h"
#include "core/model/commands.h"

namespace slicemill::api::teraslice {

// The dialect with the prefixes "" and "/v1". Both services outlive it.
Dialect dialect(JobService& service, AssetService& assets);

}  // namespace slicemill::api::teraslice
