#include <algorithm>
#include <cstdio>

#include "cli/client/table.h"
#include "cli/commands.h"
#include "cli/help_pages.h"

namespace slicemill::cli {
namespace {

constexpr std::size_t kHelpWidth = 100;  // where there is no terminal
constexpr std::size_t kLeastWidth = 60;

}  // namespace

ExitCode run_slicemill(const std::vector<std::string>& arguments) {
  const auto line = parse_command_line(arguments);
  if (!line) return report(line.error());
  switch (line->command) {
    case Command::help: {
      const std::size_t width = screen_of_output().width;
      std::fputs(wrapped_help(line->help_text, width == 0 ? kHelpWidth : std::max(width, kLeastWidth)).c_str(), stdout);
      return ExitCode::ok;
    }
    case Command::version:
      return print_version(*line);
    case Command::master:
      return run_master(*line);
    case Command::run: {
      if (!line->chaos.empty()) return run_with_chaos(*line);
      if (line->resume_ex_id.empty()) return run_local(*line);
      const auto named = with_names(*line);
      return named ? run_local(*named) : report(named.error());
    }
    case Command::verify:
    case Command::quarantine: {
      const auto named = with_names(*line);
      if (!named) return report(named.error());
      return line->command == Command::verify ? verify_execution(*named) : list_or_redrive(*named);
    }
    case Command::validate:
      return validate_job_file(*line);
    case Command::ops:
      return print_operations(*line);
    case Command::schema:
      return print_job_schema(*line);
    case Command::init:
      return print_job_draft(*line);
    case Command::execution_controller:
      return run_controller_process(*line);
    case Command::submit:
      return submit_job(*line);
    case Command::jobs:
      return list_jobs(*line);
    case Command::list:
      return list_executions(*line);
    case Command::show:
      return show_execution(*line);
    case Command::wait:
      return wait_for_execution(*line);
    case Command::logs:
      return print_logs(*line);
    case Command::tasks:
      return list_tasks(*line);
    case Command::errors:
      return list_slice_errors(*line);
    case Command::pause:
    case Command::resume:
    case Command::stop:
    case Command::recover:
    case Command::restart:
    case Command::workers:
    case Command::remove:
      return control_execution(*line);
    case Command::assets:
      return manage_assets(*line);
    case Command::top:
      return show_top_executions(*line);
    case Command::explain:
      return explain_execution(*line);
    case Command::prune:
      return prune_executions(*line);
    case Command::context:
      return manage_contexts(*line);
    case Command::connections:
      return manage_connections(*line);
    case Command::completion:
      return print_completion(*line);
    case Command::man:
      return print_man_page(*line);
  }
  return ExitCode::failed;
}

}  // namespace slicemill::cli
