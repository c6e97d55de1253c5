// Records from files: ldjson, raw lines, JSON arrays, csv and tsv, compressed or not. Its slicer is
// slicer/file_slicer.h.
#pragma once

#include "operations/operation.h"

namespace slicemill {

OperationEntry file_reader_operation();

}  // namespace slicemill
