// A bundle of code and data that a job uses. Plain values, any thread.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/runtime/json.h"

namespace slicemill {

struct AssetBundle {
  std::string id;  // 40 hex digits
  std::string name;
  std::string version;
  std::string reference;                // as the job wrote it
  std::string directory;                // its unpacked files: absolute, without a slash at the end
  std::vector<std::string> operations;  // names that its folders offer

  bool operator==(const AssetBundle&) const = default;
};

// Of a list; entries that are not of this form are left out.
std::vector<AssetBundle> bundles_from_json(const Json& list);
Json to_json(const std::vector<AssetBundle>& bundles);

// The first bundle of that id, reference ("name:^1.0") or name.
std::optional<AssetBundle> find_bundle(const std::vector<AssetBundle>& bundles, std::string_view identifier);

}  // namespace slicemill
