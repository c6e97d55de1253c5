// A job in our own words: what an execution runs, whatever dialect it was posted in. Plain values, any thread.
//
// Controllers, workers and ledgers know a job in this form only. It is stored and sent as canonical JSON with a
// version: members at their default are left out, unknown members are passed over, and what is of a later version is
// refused.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/model/asset_bundle.h"
#include "core/model/plan.h"
#include "core/runtime/clock.h"
#include "core/runtime/json.h"
#include "core/runtime/result.h"

namespace slicemill {

// Second tries of slices that run far longer than others.
struct SpeculationSettings {
  bool enabled = false;
  double multiplier = 3;          // times the median that count as far longer
  std::int64_t least_ms = 1'000;  // that a slice may run in any case
  double most_percent = 25;       // of the workers at a time; one always may
  bool operator==(const SpeculationSettings&) const = default;
};

struct JobSpec {
  static constexpr int kVersion = 2;  // 1 knew lists of operations only, which are still stored so

  std::string dialect;  // that it was posted in; "" if that is not known
  std::string ex_id;    // of the execution; "": it has none yet
  std::string job_id;
  std::string name;
  bool persistent = false;  // it waits for further input and never ends by itself
  std::int64_t workers = 1;
  std::int64_t slicers = 1;  // that share the input, where the reader can
  std::uint32_t max_retries = 3;
  std::int64_t probation_ms = 300'000;             // without a failed slice, until `failing` is `running` again
  bool measures = true;                            // operations are counted and timed
  bool goes_on = false;                            // a start, and a replay, goes on with new slices
  std::optional<std::uint64_t> most_quarantined;   // records; 0: any number
  std::optional<double> most_quarantined_percent;  // of the records
  SpeculationSettings speculation;
  std::string log_level;                                         // "": as the master says
  std::vector<std::pair<std::string, std::string>> environment;  // of its processes
  std::int64_t worker_memory_limit = 0;                          // bytes; 0: none
  double worker_cpu_limit = 0;                                   // processors; 0: none
  std::vector<AssetBundle> bundles;
  Plan plan;
  Json params = Json::object();        // values that came to be used
  Json params_given = Json::object();  // those that were given for the execution
  WallMs now = 0;                      // what its relative dates counted from; 0: it has none
  Json redriven_records;               // core/model/mended_records.h; null: not of a redrive of chosen ones

  bool operator==(const JobSpec&) const = default;
};

Json to_json(const JobSpec& spec);
// Also what the first version stored: the resolved document of its only dialect (job_spec_v0.h). invalid: names the
// member. unsupported: of a later version.
Result<JobSpec> job_spec_from_json(const Json& json);
// Of stored text.
Result<JobSpec> parse_job_spec(std::string_view text);

}  // namespace slicemill
