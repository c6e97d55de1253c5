#include "core/model/asset_manifest.h"

#include <fmt/format.h>

namespace slicemill {

bool is_for_this_machine(const AssetManifest& manifest) {
  return (manifest.platform.empty() || manifest.platform == kPlatform) &&
         (manifest.arch.empty() || manifest.arch == kArchitecture);
}

std::string describe_identity(const AssetManifest& manifest) {
  std::string text = fmt::format("name:\"{}\" AND version:\"{}\"", manifest.name, manifest.version);
  if (manifest.node_version) text += fmt::format(" AND node_version:{}", *manifest.node_version);
  if (!manifest.platform.empty()) text += fmt::format(" AND platform:\"{}\"", manifest.platform);
  if (!manifest.arch.empty()) text += fmt::format(" AND arch:\"{}\"", manifest.arch);
  return text;
}

}  // namespace slicemill
