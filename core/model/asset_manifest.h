// What a bundle says about itself. Plain values, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace slicemill {

struct AssetManifest {
  std::string name;
  std::string version;      // cleaned: "1.2.3"
  std::string description;  // "": none
  // Restrictions; absent means any.
  std::optional<std::int64_t> node_version;
  std::string platform;
  std::string arch;

  bool operator==(const AssetManifest&) const = default;
};

// Of this machine, in the words that bundles use.
inline constexpr const char* kPlatform = "linux";
#if defined(__aarch64__)
inline constexpr const char* kArchitecture = "arm64";
#else
inline constexpr const char* kArchitecture = "x64";
#endif

// Whether its executables are for this machine. The version of Node that a bundle wants says nothing here, since its
// scripts are not run.
bool is_for_this_machine(const AssetManifest& manifest);

// Name, version and restrictions, as the conflict message has them.
std::string describe_identity(const AssetManifest& manifest);

}  // namespace slicemill
