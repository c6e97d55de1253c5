// Counts records to be made: {"processed":P,"count":N}. once: size records in all; persistent: without end.
//
// position := {"next":N}      the first number that no slice has yet
#pragma once

#include <memory>

#include "slicer/slicer.h"

namespace slicemill {

std::unique_ptr<Slicer> make_data_generator_slicer();

}  // namespace slicemill
