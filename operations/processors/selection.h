// Makes new records out of chosen fields.
#pragma once

#include "operations/operation.h"

namespace slicemill {

OperationEntry selection_operation();

}  // namespace slicemill
