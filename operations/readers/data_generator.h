// Made-up records, the same for the same seed.
#pragma once

#include "operations/operation.h"

namespace slicemill {

OperationEntry data_generator_operation();

}  // namespace slicemill
