// The subcommands of `slicemill`: each takes the command line, does its work, and answers with the exit code.
//
// Main thread. Errors are printed here, as one line each; nothing throws.
#pragma once

#include "cli/command_line.h"
#include "cli/exit_codes.h"
#include "core/runtime/json.h"

namespace slicemill::cli {

ExitCode run_master(const CommandLine& line);  // master_command.cc
ExitCode run_local(const CommandLine& line);   // run_command.cc
// A redrive without a master, of these records; null: of all. run_command.cc
ExitCode redrive_locally(const CommandLine& line, const Json& records);
ExitCode run_with_chaos(const CommandLine& line);          // chaos_command.cc
ExitCode verify_execution(const CommandLine& line);        // verify_command.cc
ExitCode list_or_redrive(const CommandLine& line);         // quarantine_command.cc
ExitCode validate_job_file(const CommandLine& line);       // validate_command.cc
ExitCode print_operations(const CommandLine& line);        // ops_command.cc
ExitCode print_job_schema(const CommandLine& line);        // ops_command.cc
ExitCode manage_connections(const CommandLine& line);      // connections_command.cc
ExitCode print_job_draft(const CommandLine& line);         // init_command.cc
ExitCode run_controller_process(const CommandLine& line);  // controller_command.cc

// verify, quarantine, run --resume: the same command line with the master that is meant, "" for the data directory, and
// the whole id of the execution. commands/client_commands.cc
Result<CommandLine> with_names(const CommandLine& line);

// Those that ask a master (commands/).
ExitCode submit_job(const CommandLine& line);           // submit_command.cc
ExitCode list_executions(const CommandLine& line);      // list_command.cc
ExitCode list_jobs(const CommandLine& line);            // list_command.cc
ExitCode list_tasks(const CommandLine& line);           // list_command.cc
ExitCode list_slice_errors(const CommandLine& line);    // list_command.cc
ExitCode show_execution(const CommandLine& line);       // show_command.cc
ExitCode wait_for_execution(const CommandLine& line);   // wait_command.cc
ExitCode print_logs(const CommandLine& line);           // logs_command.cc
ExitCode control_execution(const CommandLine& line);    // control_commands.cc
ExitCode manage_assets(const CommandLine& line);        // assets_command.cc
ExitCode show_top_executions(const CommandLine& line);  // top_command.cc
ExitCode explain_execution(const CommandLine& line);    // explain_command.cc
ExitCode prune_executions(const CommandLine& line);     // prune_command.cc
ExitCode manage_contexts(const CommandLine& line);      // context_command.cc

ExitCode print_completion(const CommandLine& line);  // help_commands.cc
ExitCode print_man_page(const CommandLine& line);    // help_commands.cc
ExitCode print_version(const CommandLine& line);     // help_commands.cc

// All of main() but the arguments' form.
ExitCode run_slicemill(const std::vector<std::string>& arguments);

}  // namespace slicemill::cli
