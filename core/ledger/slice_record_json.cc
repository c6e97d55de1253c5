#include "core/ledger/slice_record_json.h"

#include <nlohmann/json.hpp>

#include "core/model/mended_records.h"
#include "core/model/quarantine.h"
#include "core/runtime/base64.h"

namespace slicemill {

namespace {

constexpr std::size_t kShownRedrivenBytes = 512;

// A redriven request holds its records; a list shows where it begins.
std::string shown_request(const std::string& request) {
  if (!is_redriven_request(request) || request.size() <= kShownRedrivenBytes) return request;
  return request.substr(0, kShownRedrivenBytes) + "...";
}

}  // namespace

Json slice_record_json(const OpenRow& row, const std::vector<std::string>& lineage) {
  const std::string origin = row.key.generation < lineage.size() ? lineage[row.key.generation] : "";
  const std::string settled_in = row.settled_in < lineage.size() ? lineage[row.settled_in] : "";
  Json record = {
      {"slice_id", slice_id(origin, row.key)}, {"slicer_id", row.key.slicer},       {"slicer_order", row.key.order},
      {"request", shown_request(row.request)}, {"state", to_string(row.state)},     {"ex_id", settled_in},
      {"created", to_iso(row.created_ms)},     {"updated", to_iso(row.updated_ms)}, {"error", row.error}};
  if (row.retries > 0) record["retry_count"] = row.retries;
  if (row.crashes > 0) record["worker_deaths"] = row.crashes;
  return record;
}

Json slice_try_json(const SliceTry& ended, const std::vector<std::string>& lineage) {
  const std::string origin = ended.key.generation < lineage.size() ? lineage[ended.key.generation] : "";
  const std::string settled_in = ended.settled_in < lineage.size() ? lineage[ended.settled_in] : "";
  const char* state = ended.end == SliceTry::End::completed ? "completed"
                      : ended.end == SliceTry::End::failed  ? "failed"
                                                            : "worker_died";
  Json record = {{"slice_id", slice_id(origin, ended.key)},
                 {"slicer_id", ended.key.slicer},
                 {"slicer_order", ended.key.order},
                 {"place", ended.place},
                 {"name", ended.name},
                 {"ex_id", settled_in},
                 {"state", state},
                 {"began", to_iso(ended.began_ms)},
                 {"ended", to_iso(ended.ended_ms)},
                 {"took_ms", ended.ended_ms - ended.began_ms}};
  if (!ended.value.empty()) record["value"] = ended.value;
  if (!ended.worker.empty()) record["worker"] = ended.worker;
  if (!ended.error.empty()) record["error"] = ended.error;
  return record;
}

std::string quarantine_id(const QuarantinePlace& place, const std::vector<std::string>& lineage) {
  const SliceKey& slice = place.slice;
  const std::string origin = slice.generation < lineage.size() ? lineage[slice.generation] : "";
  return quarantine_id(slice_id(origin, slice), place.number);
}

Json quarantine_record_json(const QuarantineRow& row, const std::vector<std::string>& lineage,
                            const std::string& redriven_to) {
  const SliceKey& slice = row.at.slice;
  const std::string origin = slice.generation < lineage.size() ? lineage[slice.generation] : "";
  const std::string settled_in = row.settled_in < lineage.size() ? lineage[row.settled_in] : "";
  const bool is_text = can_be_json_text(row.record.bytes);
  Json record = {{"slice", slice_id(origin, slice)},
                 {"id", quarantine_id(row.at, lineage)},
                 {"slicer_id", slice.slicer},
                 {"slicer_order", slice.order},
                 {"ex_id", settled_in},
                 {"created", to_iso(row.at_ms)},
                 {"operation", row.record.operation},
                 {"place", row.record.place},
                 {"bytes", is_text ? row.record.bytes : to_base64(row.record.bytes)},
                 {"encoding", is_text ? "utf-8" : "base64"},
                 {"error", row.record.error}};
  if (const auto metadata = parse_json(row.record.metadata); metadata && metadata->is_object())
    record["metadata"] = *metadata;
  if (!redriven_to.empty()) record["redriven_to"] = redriven_to;
  return record;
}

}  // namespace slicemill
