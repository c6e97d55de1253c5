// Numbers as PostgreSQL sends them.
#pragma once

#include <cstdint>
#include <cstring>

namespace slicemill::postgres {

// sizeof(Number) bytes from `at` on.
template <typename Number>
Number big_endian(const char* at) {
  Number number;
  std::memcpy(&number, at, sizeof number);
  if constexpr (sizeof number == 2) return static_cast<Number>(__builtin_bswap16(static_cast<std::uint16_t>(number)));
  if constexpr (sizeof number == 4) return static_cast<Number>(__builtin_bswap32(static_cast<std::uint32_t>(number)));
  if constexpr (sizeof number == 8) return static_cast<Number>(__builtin_bswap64(static_cast<std::uint64_t>(number)));
}

}  // namespace slicemill::postgres
