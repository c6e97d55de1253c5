// `slicemill-worker`: started by a launcher, never by hand. Every argument comes as `--name value`.
#include <cstdio>
#include <map>
#include <string>
#include <string_view>

#include "worker/worker.h"

namespace {

constexpr int kBadInput = 2;

int refuse(const std::string& message) {
  std::fprintf(stderr, "slicemill-worker: %s\n", message.c_str());
  return kBadInput;
}

}  // namespace

int main(int argc, char** argv) {
  slicemill::worker::WorkerOptions options;
  const std::map<std::string_view, std::string*> known = {
      {"--controller", &options.controller_endpoint}, {"--ex", &options.ex_id},     {"--worker", &options.worker_id},
      {"--runtime", &options.runtime_directory},      {"--log", &options.log_path}, {"--log-level", &options.log_level},
      {"--memory-limit", &options.memory_limit}};
  for (int i = 1; i < argc; i += 2) {
    const auto found = known.find(argv[i]);
    if (found == known.end()) return refuse("unknown option '" + std::string(argv[i]) + "'");
    if (i + 1 == argc) return refuse(std::string(argv[i]) + " needs a value");
    *found->second = argv[i + 1];
  }
  for (const auto& [name, value] : known) {
    if (value->empty() && name != "--memory-limit") return refuse(std::string(name) + " is missing");
  }
  return slicemill::worker::run_worker(options);
}
