// What a job's `assets` mean: references to bundles, resolved against those that are stored. Pure, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/model/asset_bundle.h"
#include "core/model/asset_manifest.h"
#include "core/runtime/result.h"

namespace slicemill::master {

// One stored bundle.
struct StoredAsset {
  std::string id;
  AssetManifest manifest;
  std::int64_t created = 0;  // milliseconds since 1970
  std::vector<std::string> operations;
  std::string directory;
};

// An id, or "name", "name:1.2.3", "name:<range>", "name:latest". Of several bundles that fit: those for this machine
// before others, whose data may be good all the same; the highest version, also if it is a prerelease; of equal
// versions the one with more restrictions, then the newest. invalid: "No assets found for "x"", with the versions that
// there are, or `advice`.
Result<AssetBundle> resolve_asset(std::string_view reference, const std::vector<StoredAsset>& stored,
                                  std::string_view advice = "upload it with POST /v1/assets");

}  // namespace slicemill::master
