// A program that may be started as a standby. Prints its arguments and $COLOUR, a line each, and waits for a signal.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "core/runtime/standby_process.h"

int main(int argc, char** argv) {
  const auto arguments = slicemill::await_order(argc, argv, [] {});
  if (!arguments) return 0;
  for (const auto& argument : *arguments) std::printf("%s\n", argument.c_str());
  const char* const colour = std::getenv("COLOUR");
  std::printf("%s\n", colour == nullptr ? "no colour" : colour);
  std::fflush(stdout);
  pause();
}
