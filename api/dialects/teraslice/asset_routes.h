// The rows of /assets: bundles go in as raw zips, and never lie in memory.
#pragma once

#include <vector>

#include "api/http/router.h"
#include "core/model/asset_service.h"

namespace slicemill::api::teraslice {

std::vector<Route> asset_routes(AssetService& service);
// The tables /txt/assets, without a prefix.
std::vector<Route> asset_table_routes(AssetService& service);

}  // namespace slicemill::api::teraslice
