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
// Makes an index of lists that is not there yet: one, since that of a large table takes half a second. False: all are
// there. Without them lists are found all the same, by a look at each row.
Result<bool> make_list_index(Database& database);

}  // namespace slicemill::master
