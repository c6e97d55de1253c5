// The tables of the registry, and their versions.
#pragma once

#include "core/runtime/result.h"
#include "master/lists/list_index.h"
#include "master/registry/sqlite.h"

namespace slicemill::master {

inline constexpr int kRegistryVersion = 8;

// Creates the tables in an empty file, or brings an older file to kRegistryVersion, in one transaction. unsupported: a
// newer program wrote it.
Result<void> prepare_schema(Database& database, const ListIndex& index);

}  // namespace slicemill::master
