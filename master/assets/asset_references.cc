#include "master/assets/asset_references.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <tuple>

#include "core/model/asset_service.h"
#include "core/model/semver.h"
#include "core/runtime/text.h"

namespace slicemill::master {

namespace {

constexpr std::size_t kMostVersionsNamed = 10;

bool is_id(std::string_view text) {
  return text.size() == kAssetIdLength && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
         });
}

int restrictions(const AssetManifest& manifest) {
  return (manifest.node_version ? 1 : 0) + (manifest.platform.empty() ? 0 : 1) + (manifest.arch.empty() ? 0 : 1);
}

AssetBundle to_bundle(const StoredAsset& asset, std::string_view reference) {
  return {asset.id,        asset.manifest.name, asset.manifest.version, std::string(reference),
          asset.directory, asset.operations};
}

Error none(std::string_view reference, std::string_view more) {
  return {ErrorCode::invalid,
          fmt::format("Failure to get assets, caused by Error: No assets found for \"{}\"{}", reference, more)};
}

// The end of the message: what there is instead.
std::string instead(std::string_view name, const std::vector<StoredAsset>& stored, std::string_view advice) {
  std::vector<std::string> versions, names;
  for (const auto& asset : stored) {
    names.push_back(asset.manifest.name);
    if (asset.manifest.name != name) continue;
    versions.push_back(asset.manifest.version);
  }
  if (versions.size() > kMostVersionsNamed) versions.resize(kMostVersionsNamed);
  if (!versions.empty()) return fmt::format("; there is {}: {}", name, join(versions, ", "));
  if (const auto near = nearest_word(name, names)) return fmt::format("; did you mean \"{}\"?", *near);
  return fmt::format("; {}", advice);
}

}  // namespace

Result<AssetBundle> resolve_asset(std::string_view reference, const std::vector<StoredAsset>& stored,
                                  std::string_view advice) {
  if (is_id(reference)) {
    const auto found = std::ranges::find(stored, reference, &StoredAsset::id);
    if (found == stored.end()) return none(reference, fmt::format("; {}", advice));
    return to_bundle(*found, reference);
  }
  const auto colon = reference.find(':');
  const std::string_view name = reference.substr(0, colon);
  const std::string_view wanted = colon == std::string_view::npos ? "latest" : reference.substr(colon + 1);
  const auto range = SemVerRange::parse(wanted == "latest" ? "*" : wanted);
  if (!range) return none(reference, "; " + range.error().message);

  const StoredAsset* best = nullptr;
  SemVer best_version;
  for (const auto& asset : stored) {
    if (asset.manifest.name != name) continue;
    const auto version = SemVer::parse(asset.manifest.version);
    if (!version || !range->contains(*version)) continue;
    const auto rank = [](const SemVer& of, const StoredAsset& which) {
      return std::tuple(is_for_this_machine(which.manifest), of, restrictions(which.manifest), which.created, which.id);
    };
    if (best != nullptr && rank(*version, asset) < rank(best_version, *best)) continue;
    best = &asset;
    best_version = *version;
  }
  if (best == nullptr) return none(reference, instead(name, stored, advice));
  return to_bundle(*best, reference);
}

}  // namespace slicemill::master
