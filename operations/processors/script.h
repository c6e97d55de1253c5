// `script`: records go through another program, in any language.
#pragma once

#include "operations/operation.h"

namespace slicemill {

OperationEntry script_operation();

}  // namespace slicemill
