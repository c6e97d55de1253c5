#include "cli/local_assets.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "cli/default_dialect.h"
#include "core/runtime/files.h"
#include "core/runtime/ids.h"
#include "master/assets/asset_archive.h"
#include "master/assets/asset_digest.h"

namespace slicemill::cli {
namespace {

// A directory has no bytes to be named by, so its place names it.
master::StoredAsset named_by_place(const std::string& directory) {
  master::AssetDigest digest;
  digest.add(directory);
  return {.id = digest.finish(), .directory = directory};
}

Result<master::StoredAsset> unpacked(const std::string& zip, const std::string& below) {
  ASSIGN_OR_RETURN(const std::string id, master::digest_of_file(zip));
  const std::string target = below + "/" + id;
  if (!posix_files().stat(target)) {
    RETURN_IF_ERROR(posix_files().create_directories(below));
    const std::string beside = below + "/." + random_uuid();
    auto done = master::unpack_zip(zip, beside, {});
    if (done) done = posix_files().rename_no_replace(beside, target);
    if (!done) {
      (void)posix_files().remove_tree(beside);
      // Somebody else was faster with the same zip.
      if (done.error().code != ErrorCode::conflict || !posix_files().stat(target)) return done.error();
    }
  }
  return master::StoredAsset{.id = id, .directory = target};
}

Result<master::StoredAsset> take_in(const std::string& path, const std::string& unpacked_below) {
  std::error_code failed;
  const auto absolute = std::filesystem::canonical(path, failed);
  if (failed) return Error(ErrorCode::invalid, "cannot be opened: " + failed.message());
  const bool is_directory = std::filesystem::is_directory(absolute, failed);
  ASSIGN_OR_RETURN(master::StoredAsset asset, is_directory
                                                  ? Result<master::StoredAsset>(named_by_place(absolute.string()))
                                                  : unpacked(absolute.string(), unpacked_below));
  ASSIGN_OR_RETURN(auto contents, master::read_bundle(asset.directory, dialect::job_dialect()));
  asset.manifest = std::move(contents.manifest);
  asset.operations = std::move(contents.operations);
  return asset;
}

}  // namespace

Result<LocalAssets> LocalAssets::open(const std::vector<std::string>& paths, const std::string& unpacked_below) {
  LocalAssets assets;
  for (const std::string& path : paths) {
    auto asset = take_in(path, unpacked_below);
    if (!asset) return with_context(asset.error(), "asset " + path);
    assets.assets_.push_back(std::move(*asset));
  }
  return assets;
}

Result<AssetBundle> LocalAssets::resolve(std::string_view reference) const {
  return master::resolve_asset(reference, assets_, "give its zip or directory with --assets");
}

}  // namespace slicemill::cli
