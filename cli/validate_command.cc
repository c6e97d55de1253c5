#include <fmt/format.h>

#include <filesystem>
#include <string>

#include "cli/commands.h"
#include "cli/job_file.h"
#include "cli/local_assets.h"
#include "core/runtime/files.h"
#include "core/runtime/ids.h"
#include "operations/describe.h"

namespace slicemill::cli {
namespace {

// Where zips are unpacked while a job is judged.
class Scratch {
 public:
  ~Scratch() { (void)posix_files().remove_tree(path); }

  const std::string path = (std::filesystem::temp_directory_path() / ("slicemill-validate-" + random_uuid())).string();
};

Result<std::string> validate(const CommandLine& line) {
  const Scratch scratch;
  ASSIGN_OR_RETURN(const LocalAssets assets, LocalAssets::open(line.assets, scratch.path));
  ASSIGN_OR_RETURN(const ValidatedJob job, resolve_job_file(line.job_file, assets));
  return describe_validation(job);
}

}  // namespace

ExitCode validate_job_file(const CommandLine& line) {
  const auto text = validate(line);
  if (!text) return report(text.error());
  fmt::print("{}", *text);
  return ExitCode::ok;
}

}  // namespace slicemill::cli
