// Slices of test-reader: the items of a JSON file, or ten built-in ones. once: each once; persistent: over and over.
//
// It cannot say where it stands, on purpose: what must not go on after a crash is tried with it.
#pragma once

#include <memory>

#include "slicer/slicer.h"

namespace slicemill {

std::unique_ptr<Slicer> make_test_slicer();

}  // namespace slicemill
