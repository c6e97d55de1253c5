// Progress as controllers report it (JSON): docs/command-line.md has its members. Pure, any thread.
#pragma once

#include <string>

namespace slicemill {

// The same progress of an execution that does not get on now.
std::string without_rates(const std::string& progress);

}  // namespace slicemill
