// `postgres_reader`: rows of a PostgreSQL table or query, a range of its key a slice. Requests:
// slicer/postgres_slicer.h.
#pragma once

#include "operations/operation.h"

namespace slicemill {

OperationEntry postgres_reader_operation();

}  // namespace slicemill
