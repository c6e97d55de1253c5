// Cuts a range of integers into runs: {"start":S,"end":E}, end exclusive.
//
// position := {"next":N}      the first number that no slice has yet
#pragma once

#include <memory>

#include "slicer/slicer.h"

namespace slicemill {

std::unique_ptr<Slicer> make_id_range_slicer();

}  // namespace slicemill
