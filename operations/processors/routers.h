// Operations that give each record a route (core/model/record_metadata.h), by which `routed_sender` chooses its output.
#pragma once

#include "operations/operation.h"

namespace slicemill {

OperationEntry key_router_operation();
OperationEntry date_router_operation();
OperationEntry field_router_operation();
OperationEntry hash_router_operation();

}  // namespace slicemill
