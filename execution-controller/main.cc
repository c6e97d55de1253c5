// `slicemill-controller`: started by a launcher, never by hand. A program of its own, since it starts in half of the
// time without the libraries that only a master needs.
#include <cstdio>
#include <string_view>

#include "execution-controller/controller.h"

int main(int argc, char** argv) {
  if (argc != 3 || std::string_view(argv[1]) != "--launch") {
    std::fprintf(stderr, "slicemill-controller: wants --launch FILE\n");
    return 2;
  }
  return slicemill::controller::run_execution_controller(argv[2]);
}
