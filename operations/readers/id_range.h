// Records with consecutive numbers as their ids.
#pragma once

#include "operations/operation.h"

namespace slicemill {

OperationEntry id_range_operation();

}  // namespace slicemill
