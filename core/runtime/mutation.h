// mutated("name"): true if the simulator planted that fault. In every other build a constant false, so that the code
// behind it does not exist.
#pragma once

#ifdef SLICEMILL_MUTATIONS
#include "tests/simulation/mutation.h"
#define SLICEMILL_MUTATED(name) (slicemill::simulation::planted() == (name))
#else
#define SLICEMILL_MUTATED(name) false
#endif
