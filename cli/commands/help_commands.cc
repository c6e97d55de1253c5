// `slicemill completion`, `man`, `version`.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <string>

#include "cli/commands.h"
#include "cli/help_pages.h"
#include "cli/version.h"
#include "core/runtime/files.h"

namespace slicemill::cli {
namespace {

Result<void> write_page(const std::string& directory, const std::string& name, const std::string& text) {
  const std::string path = directory + "/" + name + ".1";
  ASSIGN_OR_RETURN(const auto file, posix_files().create(path));
  RETURN_IF_ERROR(file->write(text));
  return file->close();
}

Result<void> write_pages(const std::string& directory) {
  const auto commands = describe_commands();
  RETURN_IF_ERROR(posix_files().create_directories(directory));
  RETURN_IF_ERROR(write_page(directory, "slicemill", man_page(commands, SLICEMILL_VERSION)));
  for (const CommandDescription& command : commands)
    RETURN_IF_ERROR(write_page(directory, "slicemill-" + command.name, man_page(command, SLICEMILL_VERSION)));
  return {};
}

Result<std::string> page_of(const std::string& name) {
  const auto commands = describe_commands();
  const auto found = std::ranges::find(commands, name, &CommandDescription::name);
  if (found == commands.end())
    return Error(ErrorCode::invalid, fmt::format("man: there is no command '{}'; see `slicemill --help`", name));
  return man_page(*found, SLICEMILL_VERSION);
}

}  // namespace

ExitCode print_completion(const CommandLine& line) {
  fmt::print("{}", completion_script(line.client.action, describe_commands()));
  return ExitCode::ok;
}

ExitCode print_man_page(const CommandLine& line) {
  if (!line.client.directory.empty()) {
    const auto written = write_pages(line.client.directory);
    return written ? ExitCode::ok : report(written.error());
  }
  const auto page = line.client.words.empty() ? Result<std::string>(man_page(describe_commands(), SLICEMILL_VERSION))
                                              : page_of(line.client.words.front());
  if (!page) return report(page.error());
  fmt::print("{}", *page);
  return ExitCode::ok;
}

ExitCode print_version(const CommandLine&) {
  constexpr std::string_view kCommit = SLICEMILL_COMMIT;
  fmt::print("slicemill {}{}\n", SLICEMILL_VERSION, kCommit.empty() ? "" : fmt::format(" ({})", kCommit));
  return ExitCode::ok;
}

}  // namespace slicemill::cli
