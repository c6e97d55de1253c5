// What clients expect to read about a server of this dialect, and choose builds of bundles by.
#pragma once

namespace slicemill::api::teraslice {

inline constexpr const char* kVersion = "3.18.0";
inline constexpr const char* kNodeVersion = "v22.0.0";

}  // namespace slicemill::api::teraslice
