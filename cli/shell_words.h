// Commands that are advised are there to be copied into a shell. Pure, any thread.
#pragma once

#include <string>

#include "cli/command_line.h"

namespace slicemill::cli {

// The word as a shell must be given it.
std::string for_shell(const std::string& word);

// " --data DIR", " --master URL" or " --context NAME" as they were typed, "" if none was: where a further command has
// to look to find what this one did.
std::string place_words(const CommandLine& line);

}  // namespace slicemill::cli
