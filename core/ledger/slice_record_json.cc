#include "core/ledger/slice_record_json.h"

#include <nlohmann/json.hpp>

namespace slicemill {

Json slice_record_json(const OpenRow& row, const std::vector<std::string>& lineage) {
  const std::string bearer = row.key.generation < lineage.size() ? lineage[row.key.generation] : "";
  const std::string settled_in = row.settled_in < lineage.size() ? lineage[row.settled_in] : "";
  Json record = {{"slice_id", slice_id(bearer, row.key)},
                 {"slicer_id", row.key.slicer},
                 {"slicer_order", row.key.order},
                 {"request", row.request},
                 {"state", to_string(row.state)},
                 {"ex_id", settled_in},
                 {"_created", to_iso(row.created_ms)},
                 {"_updated", to_iso(row.updated_ms)},
                 {"error", row.error}};
  if (row.retries > 0) record["retry_count"] = row.retries;
  return record;
}

}  // namespace slicemill
