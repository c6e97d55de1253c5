#include "cli/master_options.h"

#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "cli/execution_settings.h"
#include "cli/version.h"
#include "core/runtime/files.h"
#include "core/runtime/log.h"
#include "core/runtime/text.h"

namespace slicemill::cli {
namespace {

// Where this program is.
Result<std::filesystem::path> own_program() {
  std::error_code failed;
  auto path = std::filesystem::read_symlink("/proc/self/exe", failed);
  if (failed) return Error(ErrorCode::io, "cannot read /proc/self/exe: " + failed.message());
  return path;
}

// "1a2b3c4d, 2026-11-24", or nothing.
BuildFacts build_facts() {
  const std::string_view commit = SLICEMILL_COMMIT;
  const auto comma = commit.find(", ");
  if (comma == std::string_view::npos) return {SLICEMILL_VERSION, "", ""};
  return {SLICEMILL_VERSION, std::string(commit.substr(0, comma)), std::string(commit.substr(comma + 2))};
}

// A program that goes with this one: beside it as in a build tree, or where an installation has it (packaging).
std::string companion(const std::filesystem::path& program, const char* name) {
  const auto beside = program.parent_path() / name;
  const auto installed = program.parent_path().parent_path() / "lib" / "slicemill" / name;
  return access(beside.c_str(), X_OK) != 0 && access(installed.c_str(), X_OK) == 0 ? installed.string()
                                                                                   : beside.string();
}

}  // namespace

Result<master::MasterOptions> master_options(const Settings& settings, ConnectionBook connections) {
  ASSIGN_OR_RETURN(const std::filesystem::path program, own_program());
  ASSIGN_OR_RETURN(const LogLevel level, parse_log_level(settings.text("log_level")));
  master::MasterOptions options;
  options.data = settings.text("data");
  options.bind = settings.text("bind");
  options.port = static_cast<int>(settings.number("port"));
  options.slots = static_cast<int>(settings.number("slots"));
  options.controller_program = companion(program, "slicemill-controller");
  options.worker_program = companion(program, "slicemill-worker");
  options.name = settings.text("name");
  options.assets_directory = settings.text("assets_directory");
  options.autoload_directory = settings.text("autoload_directory");
  options.asset_size_limit = static_cast<std::uint64_t>(settings.number("asset_size_limit"));
  options.asset_unpacked_limit = static_cast<std::uint64_t>(settings.number("asset_unpacked_limit"));
  options.connections = std::make_shared<const ConnectionBook>(std::move(connections));
  options.environment = settings.process_environment();
  options.settings = execution_settings(settings);
  options.log_level = level;
  options.standby_processes = static_cast<int>(settings.number("standby_processes"));
  options.worker_transport.tcp = settings.text("worker_transport") == "tcp";
  ASSIGN_OR_RETURN(options.worker_transport.ports, parse_port_range(settings.text("controller_ports")));
  options.retention.limits.age_ms = settings.number("retention_age");
  options.retention.limits.deleted_age_ms = settings.number("retention_deleted_age");
  options.retention.limits.count = settings.number("retention_count");
  options.retention.bytes = settings.number("retention_bytes");
  options.build = build_facts();
  options.stop_executions_on_exit = settings.text("executions_on_exit") == "stop";
  for (const std::string& needed : {options.controller_program, options.worker_program})
    if (access(needed.c_str(), X_OK) != 0) return errno_error(errno, "cannot execute", needed);
  return options;
}

}  // namespace slicemill::cli
