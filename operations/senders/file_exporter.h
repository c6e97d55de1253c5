// Records into files: one per slice, or one for the whole job. The worker's half: it stages. Publishing is
// core/outputs.
#pragma once

#include "operations/operation.h"

namespace slicemill {

OperationEntry file_exporter_operation();

}  // namespace slicemill
