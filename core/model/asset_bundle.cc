#include "core/model/asset_bundle.h"

#include <algorithm>

namespace slicemill {
namespace {

std::string text_of(const Json& entry, const char* member) {
  const auto found = entry.find(member);
  return found != entry.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

std::vector<AssetBundle> bundles_from_json(const Json& list) {
  std::vector<AssetBundle> bundles;
  if (!list.is_array()) return bundles;
  for (const auto& entry : list) {
    if (!entry.is_object()) continue;
    AssetBundle bundle{text_of(entry, "id"),        text_of(entry, "name"),      text_of(entry, "version"),
                       text_of(entry, "reference"), text_of(entry, "directory"), {}};
    if (const auto names = entry.find("operations"); names != entry.end() && names->is_array()) {
      for (const auto& name : *names)
        if (name.is_string()) bundle.operations.push_back(name.get<std::string>());
    }
    bundles.push_back(std::move(bundle));
  }
  return bundles;
}

Json to_json(const std::vector<AssetBundle>& bundles) {
  Json list = Json::array();
  for (const auto& bundle : bundles) {
    list.push_back({{"id", bundle.id},
                    {"name", bundle.name},
                    {"version", bundle.version},
                    {"reference", bundle.reference},
                    {"directory", bundle.directory},
                    {"operations", bundle.operations}});
  }
  return list;
}

std::optional<AssetBundle> find_bundle(const std::vector<AssetBundle>& bundles, std::string_view identifier) {
  for (const auto member : {&AssetBundle::id, &AssetBundle::reference, &AssetBundle::name}) {
    const auto found = std::ranges::find_if(bundles, [&](const auto& bundle) { return bundle.*member == identifier; });
    if (found != bundles.end()) return *found;
  }
  return std::nullopt;
}

}  // namespace slicemill
