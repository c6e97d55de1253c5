// Help that is made from the descriptions of the commands (command_line.h). Pure functions, any thread.
#pragma once

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

}  // namespace slicemill::cli
