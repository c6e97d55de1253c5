// What existing clients expect to read about a server of the first dialect, and choose builds of bundles by.
#pragma once

#include <cstdint>

namespace slicemill::master {

inline constexpr const char* kDialectVersion = "3.18.0";
inline constexpr const char* kNodeVersion = "v22.0.0";
inline constexpr std::int64_t kNodeMajor = 22;
inline constexpr const char* kPlatform = "linux";
#if defined(__aarch64__)
inline constexpr const char* kArchitecture = "arm64";
#else
inline constexpr const char* kArchitecture = "x64";
#endif

}  // namespace slicemill::master
