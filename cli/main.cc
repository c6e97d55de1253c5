#include <cerrno>
#include <cstdio>
#include <string>
#include <system_error>
#include <vector>

#include "cli/commands.h"
#include "cli/exit_codes.h"
#include "core/runtime/process.h"

int main(int argc, char** argv) {
  slicemill::hold_standard_streams();
  try {
    const auto code = slicemill::cli::run_slicemill(std::vector<std::string>(argv + 1, argv + argc));
    if (code == slicemill::cli::ExitCode::ok && std::fflush(stdout) != 0)
      throw std::system_error(errno, std::generic_category());
    return static_cast<int>(code);
  } catch (const std::system_error& error) {  // of fmt::print, too
    const std::string text = std::string("cannot write the answer: ") + error.what();
    return static_cast<int>(slicemill::cli::report({slicemill::ErrorCode::io, text}));
  }
}
