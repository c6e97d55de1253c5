// Faults planted on purpose in the controller, to prove that the simulator finds them. Only its build of the controller
// knows them (SLICEMILL_MUTATIONS); everywhere else mutated() is a constant and costs nothing.
#pragma once

#include <string_view>
#include <vector>

namespace slicemill::simulation {

std::vector<std::string_view> all_mutations();
// "": none. False: there is no such fault.
bool plant(std::string_view mutation);
std::string_view planted();

}  // namespace slicemill::simulation
