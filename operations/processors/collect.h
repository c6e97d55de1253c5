// `collect`: the next operation gets batches of exactly so many records.
#pragma once

#include "operations/operation.h"

namespace slicemill {

OperationEntry collect_operation();

}  // namespace slicemill
