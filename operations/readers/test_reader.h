// Records from a file or built in, for trying jobs.
#pragma once

#include "operations/operation.h"

namespace slicemill {

OperationEntry test_reader_operation();

}  // namespace slicemill
