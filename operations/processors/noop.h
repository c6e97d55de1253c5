// Passes records on as they are.
#pragma once

#include "operations/operation.h"

namespace slicemill {

OperationEntry noop_operation();

}  // namespace slicemill
