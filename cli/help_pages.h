// Help that is made from the descriptions of the commands (command_line.h). Pure functions, any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command_line.h"

namespace slicemill::cli {

// A script for "bash", "zsh" or "fish". Requires: one of these.
std::string completion_script(std::string_view shell, const std::vector<CommandDescription>& commands);

// slicemill(1), and slicemill-<command>(1).
std::string man_page(const std::vector<CommandDescription>& commands, std::string_view version);
std::string man_page(const CommandDescription& command, std::string_view version);

// Where descriptions begin in a line of help.
inline constexpr std::size_t kHelpColumn = 30;
// The text of `--help` in lines of so many columns, the further lines of a description below its first one.
std::string wrapped_help(std::string_view help, std::size_t width);

}  // namespace slicemill::cli
