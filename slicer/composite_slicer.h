// Joins consecutive slices of another slicer: what was N slices is one, whose members settle together.
//
//   request  := {"members":[request,...]}     in the order of the other slicer; the last one may have fewer members
//   position := {"inner":text,"rest":[text,...]}     the other slicer's position, and the requests that it gave already
//   and
//                                                    that no slice has yet
#pragma once

#include <memory>

#include "slicer/slicer.h"

namespace slicemill {

// members >= 2.
std::unique_ptr<Slicer> make_composite_slicer(std::unique_ptr<Slicer> inner, std::size_t members);

}  // namespace slicemill
