// Shows records on standard output as they pass.
#pragma once

#include "operations/operation.h"

namespace slicemill {

OperationEntry stdout_operation();

}  // namespace slicemill
