// The tasks of a job, each a slice: what is known of one is its record.
#pragma once

#include "operations/operation.h"

namespace slicemill {

inline constexpr const char* kTasksReader = "tasks";

OperationEntry tasks_operation();

}  // namespace slicemill
