#include "cli/commands.h"
#include "core/model/launch.h"
#include "core/runtime/files.h"
#include "core/runtime/json.h"
#include "execution-controller/controller.h"

#include <nlohmann/json.hpp>

namespace slicemill::cli {
namespace {

Result<ControllerLaunch> read_launch(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, read_whole_file(posix_files(), path));
  const auto json = parse_json(text);
  if (!json) return with_context(json.error(), path);
  return ControllerLaunch::from_json(*json);
}

}  // namespace

ExitCode run_controller_process(const CommandLine& line) {
  const auto launch = read_launch(line.launch_file);
  if (!launch) return report(launch.error());
  return static_cast<ExitCode>(controller::run_execution_controller(*launch));
}

}  // namespace slicemill::cli
