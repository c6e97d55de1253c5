// Runs the task that a slice is: a command with its own process group.
#pragma once

#include "operations/operation.h"

namespace slicemill {

OperationEntry task_operation();

}  // namespace slicemill
