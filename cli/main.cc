#include "cli/commands.h"

int main(int argc, char** argv) {
  return static_cast<int>(slicemill::cli::run_slicemill(std::vector<std::string>(argv + 1, argv + argc)));
}
