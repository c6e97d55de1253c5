// Keeps the records whose field matches, or, inverted, those whose field does not.
#pragma once

#include "operations/operation.h"

namespace slicemill {

OperationEntry filter_operation();

}  // namespace slicemill
