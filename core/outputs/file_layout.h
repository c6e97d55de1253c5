// Names of staged and published files: shared by the exporter (worker), the publisher (controller) and verify.
//
//   directory output:  <path>/<slicer>-<order, 10 digits>-<slice_id>-<request hash, 8 hex>.<extension>
//   single file:       <path> itself; its parts are published in <dirname>/.slicemill/<lineage>/parts/
//   staged attempt:    <root>/.slicemill/<lineage>/<slice_id>.<epoch>-<n>      root = <path>, or its directory for a single file
// Everything under the path that does not begin with a dot is published output.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "core/model/slice.h"
#include "core/outputs/output_facts.h"
#include "core/runtime/json.h"
#include "core/runtime/result.h"

namespace slicemill {

struct FileLayout {
  std::string root;        // directory that holds .slicemill
  std::string lineage_id;
  std::string final_path;  // single file only
  std::string extension;   // "ldjson", "csv.gz", ...
  bool single_file = false;

  std::string staging_directory() const;
  std::string publish_directory() const;  // root, or the parts directory
  std::string staged_path(std::string_view slice_id, const Attempt& attempt) const;
  std::string final_name(std::string_view slice_id, const SliceKey& key, const OutputFacts& facts) const;
};

// From the resolved options of file_exporter.
Result<FileLayout> file_layout(const Json& options, std::string_view lineage_id);

std::uint32_t request_hash(std::string_view request);

}  // namespace slicemill
