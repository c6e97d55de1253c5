// The asset.json of a bundle, as Teraslice has it. Pure, any thread.
#pragma once

#include <string_view>

#include "core/model/asset_manifest.h"
#include "core/runtime/result.h"

namespace slicemill::api::teraslice {

// invalid, in the words that clients know: no JSON, no name, a bad version, a restriction of a wrong type, or a
// minimum_teraslice_version above the version that we speak.
Result<AssetManifest> parse_manifest(std::string_view text);

}  // namespace slicemill::api::teraslice
