// Cuts a PostgreSQL table, view or query into ranges of its key that have `size` rows each.
//
// The boundaries are found by going through the key in its order: in an index, if it has one, otherwise the server
// sorts. So slices are even whatever the values are, and no statistics need be fresh. Requests:
// connectors/postgres/table_source.h.
//
// position := {"key":[name...],"types":[type...],"next":[text...]|null,"last":[text...],"nulls":b,"done":b
//              ["snapshot":id]}
//   next: where the first range begins that was not given; null: at the first row.  last: the greatest key when the
//   slicer was opened first: rows that come behind it later are not read.  nulls: a slice of the rows without a key is
//   to follow.  done: no range is left
#pragma once

#include <memory>

#include "slicer/slicer.h"

namespace slicemill {

std::unique_ptr<Slicer> make_postgres_slicer();

}  // namespace slicemill
