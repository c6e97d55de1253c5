#include "core/outputs/output_hash.h"

#include <xxhash.h>

namespace slicemill {

void OutputHash::Free::operator()(XXH3_state_s* state) const {
  XXH3_freeState(state);
}

OutputHash::OutputHash() : state_(XXH3_createState()) {
  reset();
}
OutputHash::~OutputHash() = default;
OutputHash::OutputHash(OutputHash&&) noexcept = default;
OutputHash& OutputHash::operator=(OutputHash&&) noexcept = default;

void OutputHash::reset() {
  XXH3_64bits_reset(state_.get());
}

void OutputHash::update(std::string_view bytes) {
  XXH3_64bits_update(state_.get(), bytes.data(), bytes.size());
}

std::uint64_t OutputHash::digest() const {
  return XXH3_64bits_digest(state_.get());
}

}  // namespace slicemill
