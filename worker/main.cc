// `slicemill-worker`: started by a launcher, never by hand. Every argument comes as `--name value`.
#include <cstdio>
#include <map>
#include <string>
#include <string_view>

#include "core/model/connections.h"
#include "core/model/launch.h"
#include "core/runtime/process.h"
#include "core/runtime/standby_process.h"
#include "core/wire/zmq_channel.h"
#include "worker/worker.h"

namespace {

constexpr int kBadInput = 2;

int refuse(const std::string& message) {
  std::fprintf(stderr, "slicemill-worker: %s\n", message.c_str());
  return kBadInput;
}

}  // namespace

int main(int argc, char** argv) {
  slicemill::hold_standard_streams();
  slicemill::lower_priority(slicemill::kWorkersNiceness);
  slicemill::worker::WorkerOptions options;
  const std::map<std::string_view, std::string*> known = {{"--controller", &options.controller_endpoint},
                                                          {"--ex", &options.ex_id},
                                                          {"--worker", &options.worker_id},
                                                          {"--marker-directory", &options.marker_directory},
                                                          // As a master says that is older than this program.
                                                          {"--begun-directory", &options.marker_directory},
                                                          {"--log", &options.log_path},
                                                          {"--log-level", &options.log_level},
                                                          {"--memory-limit", &options.memory_limit},
                                                          {"--cpu-limit", &options.cpu_limit}};
  // Without room for threads it is said once there is an order, and a log.
  std::string secret;
  const auto arguments = slicemill::await_order(
      argc, argv, [] { (void)slicemill::prepare_zmq_channels(slicemill::kObstructedExit); }, secret);
  if (!arguments) return 0;
  for (std::size_t i = 0; i < arguments->size(); i += 2) {
    const std::string& name = (*arguments)[i];
    const auto found = known.find(name);
    if (found == known.end()) return refuse("unknown option '" + name + "'");
    if (i + 1 == arguments->size()) return refuse(name + " needs a value");
    *found->second = (*arguments)[i + 1];
  }
  for (const auto& [name, value] : known) {
    if (value->empty() && name != "--memory-limit" && name != "--cpu-limit")
      return refuse(std::string(name) + " is missing");
  }
  if (const auto taken = slicemill::take_process_connections(secret); !taken) return refuse(taken.error().message);
  return slicemill::worker::run_worker(options);
}
