// THE LIST OF SINK TYPES: which senders the controller has a part in, and how it makes that part. Pure.
#pragma once

#include <vector>

#include "core/outputs/sink_type.h"

namespace slicemill {

// A NEW SENDER that stages or claims: its line in sink_types.cc. Its operation takes name and commit class from there
// (schema_of_sink in operations/operation.h).
const std::vector<SinkType>& sink_types();

}  // namespace slicemill
