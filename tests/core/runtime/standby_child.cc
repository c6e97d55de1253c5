// A program that may be started as a standby. Prints its arguments, a secret if there is one, and $COLOUR, a line each,
// and waits for a signal.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "core/runtime/standby_process.h"

int main(int argc, char** argv) {
  std::string secret;
  const auto arguments = slicemill::await_order(
      argc, argv, [] {}, secret);
  if (!arguments) return 0;
  for (const auto& argument : *arguments) std::printf("%s\n", argument.c_str());
  if (!secret.empty()) std::printf("secret: %s\n", secret.c_str());
  const char* const colour = std::getenv("COLOUR");
  std::printf("%s\n", colour == nullptr ? "no colour" : colour);
  std::fflush(stdout);
  pause();
}
