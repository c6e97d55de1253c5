#include "core/model/job_spec.h"

#include <fmt/format.h>

#include "core/model/job_spec_v0.h"

namespace slicemill {
namespace {

Json speculation_json(const SpeculationSettings& settings) {
  return {{"multiplier", settings.multiplier},
          {"least_ms", settings.least_ms},
          {"most_percent", settings.most_percent},
          {"enabled", settings.enabled}};
}

// Sets the member if it is there. Throws if it is of another type.
template <typename T>
void read(const Json& json, const char* name, T& out) {
  if (const auto found = json.find(name); found != json.end()) out = found->get<T>();
}

template <typename T>
void read(const Json& json, const char* name, std::optional<T>& out) {
  if (const auto found = json.find(name); found != json.end()) out = found->get<T>();
}

Result<JobSpec> read_spec(const Json& json) {
  JobSpec spec;
  read(json, "dialect", spec.dialect);
  read(json, "ex_id", spec.ex_id);
  read(json, "job_id", spec.job_id);
  read(json, "name", spec.name);
  read(json, "persistent", spec.persistent);
  read(json, "workers", spec.workers);
  read(json, "slicers", spec.slicers);
  read(json, "max_retries", spec.max_retries);
  read(json, "probation_ms", spec.probation_ms);
  read(json, "measures", spec.measures);
  read(json, "goes_on", spec.goes_on);
  read(json, "most_quarantined", spec.most_quarantined);
  read(json, "most_quarantined_percent", spec.most_quarantined_percent);
  if (const auto found = json.find("speculation"); found != json.end()) {
    read(*found, "enabled", spec.speculation.enabled);
    read(*found, "multiplier", spec.speculation.multiplier);
    read(*found, "least_ms", spec.speculation.least_ms);
    read(*found, "most_percent", spec.speculation.most_percent);
  }
  read(json, "log_level", spec.log_level);
  if (const auto found = json.find("environment"); found != json.end())
    for (const auto& [name, value] : found->items()) spec.environment.emplace_back(name, value.get<std::string>());
  read(json, "worker_memory_limit", spec.worker_memory_limit);
  read(json, "worker_cpu_limit", spec.worker_cpu_limit);
  if (const auto found = json.find("bundles"); found != json.end()) spec.bundles = bundles_from_json(*found);
  ASSIGN_OR_RETURN(spec.plan, plan_from_json(json.at("operations")));
  read(json, "params", spec.params);
  read(json, "params_given", spec.params_given);
  read(json, "now", spec.now);
  read(json, "redriven_records", spec.redriven_records);
  return spec;
}

}  // namespace

Json to_json(const JobSpec& spec) {
  const JobSpec usual;
  // So that programs that know no graphs read all others.
  Json json = {{"version", spec.plan.form == Plan::Form::list ? 1 : JobSpec::kVersion}};
  const auto add = [&](const char* name, const auto& value, const auto& otherwise) {
    if (value != otherwise) json[name] = value;
  };
  add("dialect", spec.dialect, usual.dialect);
  add("ex_id", spec.ex_id, usual.ex_id);
  add("job_id", spec.job_id, usual.job_id);
  add("name", spec.name, usual.name);
  add("persistent", spec.persistent, usual.persistent);
  add("workers", spec.workers, usual.workers);
  add("slicers", spec.slicers, usual.slicers);
  add("max_retries", spec.max_retries, usual.max_retries);
  add("probation_ms", spec.probation_ms, usual.probation_ms);
  add("measures", spec.measures, usual.measures);
  add("goes_on", spec.goes_on, usual.goes_on);
  if (spec.most_quarantined) json["most_quarantined"] = *spec.most_quarantined;
  if (spec.most_quarantined_percent) json["most_quarantined_percent"] = *spec.most_quarantined_percent;
  if (spec.speculation != usual.speculation) json["speculation"] = speculation_json(spec.speculation);
  add("log_level", spec.log_level, usual.log_level);
  if (!spec.environment.empty()) {
    Json& variables = json["environment"] = Json::object();
    for (const auto& [name, value] : spec.environment) variables[name] = value;
  }
  add("worker_memory_limit", spec.worker_memory_limit, usual.worker_memory_limit);
  add("worker_cpu_limit", spec.worker_cpu_limit, usual.worker_cpu_limit);
  if (!spec.bundles.empty()) json["bundles"] = to_json(spec.bundles);
  json["operations"] = to_json(spec.plan);
  add("params", spec.params, usual.params);
  add("params_given", spec.params_given, usual.params_given);
  add("now", spec.now, usual.now);
  if (!spec.redriven_records.is_null()) json["redriven_records"] = spec.redriven_records;
  return json;
}

Result<JobSpec> job_spec_from_json(const Json& json) {
  if (!json.is_object()) return Error(ErrorCode::invalid, "a job is an object");
  try {
    const auto version = json.find("version");
    const auto operations = json.find("operations");
    const bool is_first_form = version == json.end() || (operations != json.end() && is_job_spec_v0(*operations));
    if (is_first_form) return job_spec_of_v0(json);
    if (version->get<int>() > JobSpec::kVersion)
      return Error(ErrorCode::unsupported,
                   fmt::format("the job has version {}, this program knows up to {}; use a newer program",
                               version->get<int>(), JobSpec::kVersion));
    return read_spec(json);
  } catch (const nlohmann::json::exception& wrong) {
    return Error(ErrorCode::invalid, fmt::format("stored job: {}", wrong.what()));
  }
}

Result<JobSpec> parse_job_spec(std::string_view text) {
  ASSIGN_OR_RETURN(const Json json, parse_json(text));
  return job_spec_from_json(json);
}

}  // namespace slicemill
