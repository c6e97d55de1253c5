#include <fmt/format.h>

#include <string>

#include "cli/commands.h"
#include "cli/job_draft.h"
#include "cli/job_file.h"
#include "core/runtime/files.h"

namespace slicemill::cli {
namespace {

Result<std::string> draft(const CommandLine& line) {
  ASSIGN_OR_RETURN(const std::string base, working_directory());
  return draft_job(posix_files(), line.input_files, base);
}

}  // namespace

ExitCode print_job_draft(const CommandLine& line) {
  const auto text = draft(line);
  if (!text) return report(text.error());
  fmt::print("{}", *text);
  return ExitCode::ok;
}

}  // namespace slicemill::cli
