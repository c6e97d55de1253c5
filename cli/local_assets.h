// The bundles that a command line names for a job without a master: directories, and zips that are unpacked first.
// They are resolved as a master resolves those that it stores. One thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/model/job_dialect.h"
#include "core/runtime/result.h"
#include "master/assets/asset_references.h"

namespace slicemill::cli {

class LocalAssets final : public AssetCatalog {
 public:
  // Zips are unpacked to `unpacked_below`/<id> and stay there: what was begun can be resumed. The same zip is unpacked
  // once. Errors name the path.
  static Result<LocalAssets> open(const std::vector<std::string>& paths, const std::string& unpacked_below);

  Result<AssetBundle> resolve(std::string_view reference) const override;

 private:
  std::vector<master::StoredAsset> assets_;
};

}  // namespace slicemill::cli
