#include "slicer/slicer.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace slicemill {

Result<SliceBatch> Slicer::on_completed(const std::vector<Completion>&, std::size_t) {
  return Error(ErrorCode::internal, "this slicer hears no completions", false);
}

// Every option that is no private one counts, unless a slicer knows better.
std::string Slicer::position_mismatch(const Json& recovered_options, const Json& options) const {
  const auto differs = [](const Json& from, const Json& to) -> std::string {
    for (const auto& [name, value] : from.items()) {
      if (name.starts_with('_')) continue;
      const auto other = to.find(name);
      if (other == to.end() || *other != value) return name;
    }
    return "";
  };
  auto name = differs(recovered_options, options);
  if (name.empty()) name = differs(options, recovered_options);
  if (name.empty()) return "";
  return fmt::format("{} of the reader differs from that of the recovered execution", name);
}

}  // namespace slicemill
