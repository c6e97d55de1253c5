// `slicemill-controller`: started by a launcher, never by hand. A program of its own, since it starts in half of the
// time without the libraries that only a master needs.
#include <cstdio>
#include <string>

#include "core/ledger/slice_ledger.h"
#include "core/model/connections.h"
#include "core/model/launch.h"
#include "core/runtime/process.h"
#include "core/runtime/standby_process.h"
#include "core/wire/zmq_channel.h"
#include "execution-controller/controller.h"

static void prepare() {
  // Without room for threads it is said once there is an order, and a log.
  if (slicemill::prepare_zmq_channels(slicemill::kObstructedExit)) slicemill::prepare_for_ledgers();
}

int main(int argc, char** argv) {
  slicemill::hold_standard_streams();
  slicemill::lower_priority(slicemill::kControllersNiceness);
  std::string secret;
  const auto arguments = slicemill::await_order(argc, argv, prepare, secret);
  if (!arguments) return 0;
  if (arguments->size() != 2 || arguments->front() != "--launch") {
    std::fprintf(stderr, "slicemill-controller: wants --launch FILE\n");
    return 2;
  }
  if (!slicemill::take_process_connections(secret)) return 2;
  return slicemill::controller::run_execution_controller(arguments->back());
}
