// The checksum of stored outputs: XXH3-64 over the bytes as they are stored.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

struct XXH3_state_s;

namespace slicemill {

class OutputHash {
 public:
  OutputHash();
  ~OutputHash();
  OutputHash(OutputHash&&) noexcept;
  OutputHash& operator=(OutputHash&&) noexcept;

  void reset();  // as new
  void update(std::string_view bytes);
  std::uint64_t digest() const;  // of what was given so far

 private:
  struct Free {
    void operator()(XXH3_state_s* state) const;
  };
  std::unique_ptr<XXH3_state_s, Free> state_;
};

}  // namespace slicemill
