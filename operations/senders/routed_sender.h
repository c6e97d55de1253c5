// `routed_sender`: records to files, in a directory for each route.
#pragma once

#include "operations/operation.h"

namespace slicemill {

OperationEntry routed_sender_operation();

}  // namespace slicemill
