// Input: a frame. What decodes must encode to something that decodes to the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/model/quarantine.h"
#include "core/model/slice.h"
#include "core/wire/messages.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slicemill;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto message = wire::decode(bytes)) {
    // By their bytes: a number that is none (NaN) does not equal itself.
    const std::string encoded = wire::encode(*message);
    const auto again = wire::decode(encoded);
    if (!again || wire::encode(*again) != encoded) std::abort();
  }
  if (const auto run = decode_run(bytes)) {
    const auto again = decode_run(encode_run(*run));
    if (!again || !(*again == *run)) std::abort();
    if (run->count() > 0) {
      (void)run->request(0);
      (void)run->request(run->count() - 1);
    }
  }
  return 0;
}
