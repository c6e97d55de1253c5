// Input: damage to a stored ledger, as (file, place, byte) triples. Opening it must end in a ledger or in an error that
// names its directory.
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "core/ledger/slice_ledger.h"
#include "core/runtime/log.h"
#include "tests/fakes/manual_loop.h"

namespace {

namespace fs = std::filesystem;

void write_damaged(const fs::path& from, const fs::path& to, const std::uint8_t* data, std::size_t size) {
  fs::remove_all(to);
  fs::create_directories(to);
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(from)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (std::size_t number = 0; number < files.size(); ++number) {
    std::ifstream in(files[number], std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(in), {}};
    for (std::size_t i = 0; i + 4 <= size; i += 4) {
      if (data[i] % files.size() != number || text.empty()) continue;
      const std::size_t place = (data[i + 1] << 8 | data[i + 2]) % text.size();
      if (data[i + 3] == 0)
        text.resize(place);
      else
        text[place] = static_cast<char>(text[place] ^ data[i + 3]);
    }
    std::ofstream(to / files[number].filename(), std::ios::binary) << text;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slicemill;
  set_log_level(LogLevel::fatal);
  static const fs::path golden = fs::path(SLICEMILL_SOURCE_DIR) / "tests/core/ledger/golden/format-1";
  static const std::string root = (fs::exists("/dev/shm") ? "/dev/shm" : "/tmp") +
                                  std::string("/slicemill-ledger-fuzz-") + std::to_string(getpid());
  const std::string directory = root + "/ledger";
  write_damaged(golden, directory, data, size);
  {
    ManualLoop loop;
    const auto opened = open_ledger_next_epoch(loop, directory);
    if (!opened) {
      if (opened.error().message.find(directory) == std::string::npos) std::abort();
    } else {
      (void)(*opened)->open_ranges();
      (void)(*opened)->rows(std::nullopt, 100);
      (void)(*opened)->errors(0, 100);
      (void)(*opened)->unpublished_outputs();
      (void)(*opened)->quarantine(std::nullopt, 0, 100);
    }
  }
  fs::remove_all(root);
  return 0;
}
