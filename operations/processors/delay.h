// Waits once per slice.
#pragma once

#include "operations/operation.h"

namespace slicemill {

OperationEntry delay_operation();

}  // namespace slicemill
