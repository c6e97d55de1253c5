// The subcommands of `slicemill`: each takes the command line, does its work, and answers with the exit code.
//
// Main thread. Errors are printed here, as one line each; nothing throws.
#pragma once

#include "cli/command_line.h"
#include "cli/exit_codes.h"

namespace slicemill::cli {

ExitCode run_master(const CommandLine& line);              // master_command.cc
ExitCode run_local(const CommandLine& line);               // run_command.cc; also a redrive without a master
ExitCode run_with_chaos(const CommandLine& line);          // chaos_command.cc
ExitCode verify_execution(const CommandLine& line);        // verify_command.cc
ExitCode list_or_redrive(const CommandLine& line);         // quarantine_command.cc
ExitCode validate_job_file(const CommandLine& line);       // validate_command.cc
ExitCode print_operations(const CommandLine& line);        // ops_command.cc
ExitCode run_controller_process(const CommandLine& line);  // controller_command.cc

// All of main() but the arguments' form.
ExitCode run_slicemill(const std::vector<std::string>& arguments);

}  // namespace slicemill::cli
