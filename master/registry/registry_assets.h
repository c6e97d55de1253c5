// Reading the registry's rows of assets. Part of registry.cc's body; the thread of the database.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "master/registry/registry.h"
#include "master/registry/sqlite.h"

namespace slicemill::master {

Result<std::optional<AssetRow>> read_asset(Database& database, const std::string& id);
Result<std::vector<AssetRow>> read_assets(Database& database);
Result<std::vector<AssetRow>> read_assets(Database& database, const AssetQuery& query);

}  // namespace slicemill::master
