#include <cstdio>

#include "cli/commands.h"
#include "cli/version.h"

namespace slicemill::cli {

ExitCode run_slicemill(const std::vector<std::string>& arguments) {
  const auto line = parse_command_line(arguments);
  if (!line) return report(line.error());
  switch (line->command) {
    case Command::help:
      std::fputs(line->help_text.c_str(), stdout);
      return ExitCode::ok;
    case Command::version:
      std::printf("slicemill %s\n", SLICEMILL_VERSION);
      return ExitCode::ok;
    case Command::master:
      return run_master(*line);
    case Command::run:
      return line->chaos.empty() ? run_local(*line) : run_with_chaos(*line);
    case Command::verify:
      return verify_execution(*line);
    case Command::quarantine:
      return list_or_redrive(*line);
    case Command::validate:
      return validate_job_file(*line);
    case Command::ops:
      return print_operations(*line);
    case Command::execution_controller:
      return run_controller_process(*line);
  }
  return ExitCode::failed;
}

}  // namespace slicemill::cli
