// Finds the page of a list in the columns of its index: what a filter's condition means for columns, and their order.
// It finds exactly the rows whose documents the condition holds for (core/query/filter.h); a test compares both.
//
// Loop thread. One pass over a column for each test of the filter, whatever matches; only the page is sorted whole.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/model/commands.h"
#include "core/query/field.h"
#include "core/runtime/result.h"
#include "master/lists/list_columns.h"
#include "master/registry/sqlite.h"

namespace slicemill::master {

// Reads the column of every field, so that no list has to. Requires: a read transaction is open.
Result<void> read_columns(ListColumns& columns, Database& database, std::span<const query::Field> fields);

// Sequence numbers in the order of the list. Requires: a read transaction is open.
// fields: of this list.
Result<std::vector<std::int64_t>> find_page(ListColumns& columns, Database& database, const ListQuery& query,
                                            std::span<const query::Field> fields);

}  // namespace slicemill::master
