// The tables of the registry, and their versions.
#pragma once

#include "core/runtime/result.h"
#include "master/sqlite.h"

namespace slicemill::master {

inline constexpr int kRegistryVersion = 6;

// Creates the tables in an empty file, or brings an older file to kRegistryVersion, in one transaction. unsupported: a
// newer program wrote it.
Result<void> prepare_schema(Database& database);

}  // namespace slicemill::master
