// The controller's half of postgres_sender: makes the tables ready, fences slices, and proves by the claims what was
// committed. See core/outputs/output_publisher.h for the contract.
#pragma once

#include <string>

#include "core/model/plan.h"
#include "core/outputs/sink_type.h"

namespace slicemill {

SinkType postgres_sink_type();

// By which the claims of a sink are known: its id in a graph; a list has one sink.
std::string claim_sink(const Plan& plan, std::size_t node);

}  // namespace slicemill
