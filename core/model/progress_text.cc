#include "core/model/progress_text.h"

#include <nlohmann/json.hpp>

#include "core/runtime/json.h"

namespace slicemill {

std::string without_rates(const std::string& progress) {
  auto json = parse_json(progress);
  if (!json || !json->is_object()) return progress;
  for (const char* rate : {"rate", "bytes_rate", "eta", "eta_low", "eta_high"}) (*json)[rate] = nullptr;
  return to_compact_text(*json);
}

}  // namespace slicemill
