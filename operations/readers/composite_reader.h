// Reads slices that are several slices of the reader in one (slicer/composite_slicer.h), and plain ones as they are.
#pragma once

#include <memory>

#include "operations/operation.h"

namespace slicemill {

// inner: initialized already.
std::unique_ptr<Reader> make_composite_reader(std::unique_ptr<Reader> inner);

}  // namespace slicemill
