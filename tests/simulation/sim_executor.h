// A worker's slices on virtual time: the production pipeline runs at the end of the time that a slice takes. What it
// reports as its time is virtual too.
#pragma once

#include <functional>
#include <memory>

#include "tests/simulation/world.h"
#include "worker/slice_executor.h"

namespace slicemill::simulation {

// Odds per slice, looked at each time.
struct SliceOdds {
  double fails = 0;      // the result says so, it may be retried
  double kills = 0;      // its worker dies of a signal
  double straggles = 0;  // takes 100 times as long
};

std::unique_ptr<worker::SliceExecutor> make_simulated_executor(World& world, Process& process, const SliceOdds& odds,
                                                               std::function<void(const wire::SliceOrder&)> on_begun,
                                                               worker::MakeRunner make_runner,
                                                               std::unique_ptr<InFlightMarker> note,
                                                               worker::SliceExecutor::Hooks hooks);

}  // namespace slicemill::simulation
