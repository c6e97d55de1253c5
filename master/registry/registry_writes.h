// How a RegistryBatch becomes rows. Store executor.
#pragma once

#include "core/runtime/result.h"
#include "master/lists/list_index.h"
#include "master/registry/registry.h"
#include "master/registry/sqlite.h"

namespace slicemill::master {

// Within a transaction of the caller's. On an error some of the batch's rows may have been written: the caller rolls
// back. first_change: number of the first line of history, the others follow.
Result<void> write_rows(Database& database, const RegistryBatch& batch, const ListIndex& index,
                        std::int64_t first_change);

}  // namespace slicemill::master
