#include "cli/settings.h"

#include "api/dialects/dialects.h"

namespace slicemill::cli {

Result<Settings> settings_of(const CommandLine& line) {
  const ForeignConfig& foreign = api::foreign_config();
  return resolve_settings(
      {.flags = line.flags, .environment = own_environment(&foreign), .file = line.config_file, .foreign = &foreign});
}

}  // namespace slicemill::cli
