#include "core/model/job_spec_v0.h"

#include <algorithm>

#include "core/model/connections.h"
#include "core/query/date_period.h"

namespace slicemill {
namespace {

// A missing member, and null, is the default.
template <typename T>
void read_v0(const Json& json, const char* name, T& out) {
  if (const auto found = json.find(name); found != json.end() && !found->is_null()) out = found->get<T>();
}

BadRecords bad_records_v0(const Json& operation) {
  std::string action = "throw";
  read_v0(operation, "_dead_letter_action", action);
  if (action == "log") return BadRecords::log;
  if (action == "none") return BadRecords::drop;
  return action == "quarantine" ? BadRecords::quarantine : BadRecords::fail_slice;
}

// The new name goes before the old one.
template <typename T>
void read_limit_v0(const Json& json, const char* name, const char* old_name, T& out) {
  for (const char* field : {name, old_name}) {
    const auto found = json.find(field);
    if (found == json.end() || !found->is_number()) continue;
    out = found->get<T>();
    return;
  }
}

WallMs moment_v0(const Json& json) {
  std::string now;
  read_v0(json, "now", now);
  const auto period = query::parse_date_period(now, 0);
  return !now.empty() && period ? period->first : 0;
}

}  // namespace

bool is_job_spec_v0(const Json& operations) {
  return operations.is_array() &&
         std::ranges::any_of(operations, [](const Json& one) { return one.is_object() && one.contains("_op"); });
}

OperationSpec operation_spec_of_v0(const Json& json) {
  OperationSpec operation;
  std::string name;
  read_v0(json, "_op", name);
  const auto at = name.find('@');
  operation.name = name.substr(0, at);
  if (at != std::string::npos) operation.bundle = name.substr(at + 1);
  operation.bad_records = bad_records_v0(json);
  for (const auto& [key, value] : json.items())
    if (!key.starts_with('_') && key != kEncodingOption && key != kConnectionOption) operation.options[key] = value;
  std::string encoding = "json";
  read_v0(json, "_encoding", encoding);
  if (encoding == "raw") operation.options[kEncodingOption] = encoding;
  std::string connection;
  read_v0(json, "_connection", connection);
  if (!connection.empty()) operation.options[kConnectionOption] = connection;
  return operation;
}

JobSpec job_spec_of_v0(const Json& json) {
  JobSpec spec;
  read_v0(json, "ex_id", spec.ex_id);
  read_v0(json, "job_id", spec.job_id);
  read_v0(json, "name", spec.name);
  std::string lifecycle = "once";
  read_v0(json, "lifecycle", lifecycle);
  spec.persistent = lifecycle == "persistent";
  read_v0(json, "workers", spec.workers);
  read_v0(json, "slicers", spec.slicers);
  read_v0(json, "max_retries", spec.max_retries);
  read_v0(json, "probation_window", spec.probation_ms);
  read_v0(json, "analytics", spec.measures);
  read_v0(json, "autorecover", spec.goes_on);
  if (const auto most = json.find("quarantine_max_records"); most != json.end() && most->is_number())
    spec.most_quarantined = most->get<std::uint64_t>();
  if (const auto most = json.find("quarantine_max_percent"); most != json.end() && most->is_number())
    spec.most_quarantined_percent = most->get<double>();
  read_v0(json, "speculation", spec.speculation.enabled);
  read_v0(json, "speculation_multiplier", spec.speculation.multiplier);
  read_v0(json, "speculation_min_runtime", spec.speculation.least_ms);
  read_v0(json, "speculation_max_percent", spec.speculation.most_percent);
  read_v0(json, "log_level", spec.log_level);
  if (const auto variables = json.find("env_vars"); variables != json.end() && variables->is_object())
    for (const auto& [name, value] : variables->items())
      spec.environment.emplace_back(name, value.is_string() ? value.get<std::string>() : to_compact_text(value));
  read_limit_v0(json, "resources_limits_memory", "memory", spec.worker_memory_limit);
  read_limit_v0(json, "resources_limits_cpu", "cpu", spec.worker_cpu_limit);
  if (const auto bundles = json.find("asset_bundles"); bundles != json.end())
    spec.bundles = bundles_from_json(*bundles);
  if (const auto operations = json.find("operations"); operations != json.end() && operations->is_array()) {
    std::vector<OperationSpec> list;
    for (const Json& operation : *operations) list.push_back(operation_spec_of_v0(operation));
    spec.plan = Plan(std::move(list));
  }
  read_v0(json, "params", spec.params);
  read_v0(json, "params_given", spec.params_given);
  spec.now = moment_v0(json);
  read_v0(json, "redriven_records", spec.redriven_records);
  return spec;
}

}  // namespace slicemill
