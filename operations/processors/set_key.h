// `set_key`: the key of a record, which operations behind it can use.
#pragma once

#include "operations/operation.h"

namespace slicemill {

OperationEntry set_key_operation();

}  // namespace slicemill
