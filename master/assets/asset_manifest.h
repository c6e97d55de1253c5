// What a bundle says about itself: its asset.json. Pure, any thread.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "core/runtime/json.h"
#include "core/runtime/result.h"

namespace slicemill::master {

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

// invalid, with the words of the first dialect: no JSON, no name, a bad version, a restriction of a wrong type, or a
// minimum_teraslice_version above the version that we speak.
Result<AssetManifest> parse_manifest(std::string_view text);

// Whether its executables are for this machine. The version of Node that a bundle wants says nothing here, since its
// scripts are not run.
bool is_for_this_machine(const AssetManifest& manifest);

// Name, version and restrictions, as the conflict message has them.
std::string describe_identity(const AssetManifest& manifest);

}  // namespace slicemill::master
