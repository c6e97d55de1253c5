// From the zip of a bundle to its files. Blocks: for an executor, not for the loop thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/model/asset_manifest.h"
#include "core/model/job_dialect.h"
#include "core/runtime/result.h"

namespace slicemill::master {

struct UnpackLimits {
  std::uint64_t bytes = 2ull << 30;  // of all files together, as unpacked
  std::uint64_t entries = 100'000;
};

struct BundleContents {
  AssetManifest manifest;
  std::vector<std::string> operations;  // that its folders and its script offer, sorted
};

// Whether a zip can begin with these bytes; at least four are needed to tell. And what to say if not.
bool begins_like_zip(std::string_view bytes);
Error not_a_zip();

// Unpacks below `directory`, which is made, and makes it all durable but for the directory's own name. Files keep
// whether they are executable. invalid: not a zip, a path that leads out of the directory, anything that is neither
// file nor directory, an entry that is there twice, or more than the limits.
Result<void> unpack_zip(const std::string& zip, const std::string& directory, const UnpackLimits& limits);

// Manifest and operations of an unpacked bundle. An operation of another runtime is a folder at the root that holds
// processor, fetcher, slicer or api, or one that an index.js at the root exports (bundled_script.h).
Result<BundleContents> read_bundle(const std::string& directory, const JobDialect& dialect);

}  // namespace slicemill::master
