#include "cli/commands.h"
#include "execution-controller/controller.h"

namespace slicemill::cli {

ExitCode run_controller_process(const CommandLine& line) {
  return static_cast<ExitCode>(controller::run_execution_controller(line.launch_file));
}

}  // namespace slicemill::cli
