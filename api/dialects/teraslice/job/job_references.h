// What names inside a job refer to: bundles (`assets`, "op@asset:version") and apis (`_api_name`). Part of job.cc's
// body.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/dialects/teraslice/job/job_graph.h"
#include "api/dialects/teraslice/job/teraslice_job.h"
#include "core/model/asset_bundle.h"
#include "core/runtime/json.h"
#include "core/runtime/result.h"

namespace slicemill::api::teraslice {

// The bundles of a job's `assets`, in order, each once. Sets `assets` to their ids and adds `asset_bundles`; every
// reference that leads nowhere is an error of its own.
std::vector<AssetBundle> resolve_assets(Json& config, const AssetCatalog& catalog, std::vector<std::string>& errors);

// name := base [ "@" asset [ ":" version ] ] [ ":" tag ]       a tag only in names of apis
struct QualifiedName {
  std::string base;
  std::string asset;  // id of the bundle; "" if none is named
  std::string tag;

  std::string text() const;  // with the id
};

// invalid: private names, and "could not find the hashID" if the bundle is not one of the job's. `member` is _op or
// _name. Without a catalog of bundles (known is null) identifiers are dropped: nobody can tell what they mean.
Result<QualifiedName> parse_qualified_name(std::string_view text, const char* member,
                                           const std::vector<AssetBundle>* known);

// What to say to an operation that this program does not have: the bundle that was to bring it, the nearest one.
Error cannot_find_operation(std::string_view name, const OperationCatalog& catalog,
                            const std::vector<AssetBundle>& bundles);

// An error if a bare name is offered by several bundles of the job. `what`: reader, processor or api.
Result<void> check_single_offer(std::string_view name, std::string_view what, const std::vector<AssetBundle>& bundles);

// "asset:<bundle>/<file>" to the file's path; nothing for other texts. invalid: no such bundle, or a path out of it.
Result<std::optional<std::string>> bundle_path(std::string_view text, const std::vector<AssetBundle>& bundles);

// The operation whose options an api of this base name holds ("file_reader" for "file_reader_api"); "" for others.
std::string_view operation_of_api(std::string_view base);

// Checks `apis` against the operations that they configure, resolves their names, and lays their options below those of
// each operation that names them in `_api_name`.
void apply_apis(Json& config, const OperationCatalog& catalog, const std::vector<AssetBundle>* bundles,
                const JobRules& rules, const JobGraph& graph, std::vector<JobWarning>& warnings,
                std::vector<std::string>& errors);

// The list of issues as the rules want it: "a: wrong; b[0]: wrong", or the JSON that clients of the first dialect show.
std::string render_issues(const std::vector<ValidationIssue>& issues, const JobRules& rules);
// "operations[0].size".
std::string render_path(const std::vector<std::string>& path);

}  // namespace slicemill::api::teraslice
