#include "api/dialects/teraslice/asset_manifest.h"

#include <fmt/format.h>

#include "api/dialects/teraslice/teraslice_version.h"
#include "core/model/semver.h"
#include "core/runtime/text.h"

namespace slicemill::api::teraslice {

namespace {

// False, null and absent mean "any", as bundles in the wild have it.
bool is_given(const Json& json, const char* member) {
  const auto found = json.find(member);
  return found != json.end() && !found->is_null() && *found != false && *found != "";
}

Result<std::string> text_member(const Json& json, const char* member) {
  if (!is_given(json, member)) return std::string();
  const Json& value = json[member];
  if (!value.is_string())
    return Error(ErrorCode::invalid,
                 fmt::format("Invalid asset.json: {} must be a text, got {}", member, value.dump()));
  return value.get<std::string>();
}

// A major number: 18, "18" or "v18.1.0".
Result<std::optional<std::int64_t>> node_version(const Json& json) {
  if (!is_given(json, "node_version")) return std::optional<std::int64_t>();
  const Json& value = json["node_version"];
  if (value.is_number_integer() && value.get<std::int64_t>() > 0) return std::optional(value.get<std::int64_t>());
  if (value.is_string()) {
    std::string_view text = value.get_ref<const std::string&>();
    if (text.starts_with('v')) text.remove_prefix(1);
    if (const auto major = parse_integer(text.substr(0, text.find('.'))); major && *major > 0)
      return std::optional(*major);
  }
  return Error(
      ErrorCode::invalid,
      fmt::format("Invalid asset.json: node_version must be a major version such as 18, got {}", value.dump()));
}

Result<void> check_minimum(const Json& json) {
  ASSIGN_OR_RETURN(const std::string minimum, text_member(json, "minimum_teraslice_version"));
  if (minimum.empty()) return {};
  ASSIGN_OR_RETURN(const SemVer wanted, SemVer::parse(minimum));
  ASSIGN_OR_RETURN(const SemVer ours, SemVer::parse(kVersion));
  if (wanted <= ours) return {};
  return Error(ErrorCode::invalid, fmt::format("Asset requires teraslice version {} or greater.", minimum));
}

}  // namespace

Result<AssetManifest> parse_manifest(std::string_view text) {
  const auto json = parse_json(text);
  if (!json) return Error(ErrorCode::corrupt, fmt::format("asset.json is not valid JSON: {}", json.error().message));
  if (!json->is_object()) return Error(ErrorCode::corrupt, "asset.json is not valid JSON: it must be an object");
  AssetManifest manifest;
  ASSIGN_OR_RETURN(manifest.name, text_member(*json, "name"));
  if (manifest.name.empty())
    return Error(ErrorCode::invalid, "Missing name: asset.json needs a name that is a non-empty text");
  if (manifest.name.find_first_of("/:@") != std::string::npos || manifest.name.front() == '.')
    return Error(ErrorCode::invalid,
                 fmt::format("Invalid asset.json: the name \"{}\" must not begin with \".\" nor hold \"/\", \":\" or "
                             "\"@\", by which jobs take references apart",
                             manifest.name));
  const auto version = json->find("version");
  const bool is_text = version != json->end() && version->is_string();
  if (!is_text) {
    return Error(ErrorCode::invalid, fmt::format("Invalid version \"{}\", asset.json needs one that looks like 1.2.3",
                                                 version == json->end() ? "undefined" : version->dump()));
  }
  ASSIGN_OR_RETURN(const SemVer parsed, SemVer::parse(version->get_ref<const std::string&>()));
  manifest.version = parsed.text();
  ASSIGN_OR_RETURN(manifest.description, text_member(*json, "description"));
  ASSIGN_OR_RETURN(manifest.node_version, node_version(*json));
  ASSIGN_OR_RETURN(manifest.platform, text_member(*json, "platform"));
  ASSIGN_OR_RETURN(manifest.arch, text_member(*json, "arch"));
  RETURN_IF_ERROR(check_minimum(*json));
  return manifest;
}

}  // namespace slicemill::api::teraslice
