#include <string>
#include <system_error>
#include <vector>

#include "cli/commands.h"
#include "cli/exit_codes.h"
#include "core/runtime/process.h"

int main(int argc, char** argv) {
  slicemill::hold_standard_streams();
  try {
    return static_cast<int>(slicemill::cli::run_slicemill(std::vector<std::string>(argv + 1, argv + argc)));
  } catch (const std::system_error& error) {  // of fmt::print
    const std::string text = std::string("cannot write the answer: ") + error.what();
    return static_cast<int>(slicemill::cli::report({slicemill::ErrorCode::io, text}));
  }
}
