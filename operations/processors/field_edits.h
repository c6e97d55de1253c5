// set_field, drop_field and copy_field: they change the bytes of one field and leave all others as they are.
#pragma once

#include "operations/operation.h"

namespace slicemill {

OperationEntry set_field_operation();
OperationEntry drop_field_operation();
OperationEntry drop_property_operation();
OperationEntry copy_field_operation();

}  // namespace slicemill
