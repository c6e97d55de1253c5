// When an execution has quarantined too many records to go on. Pure.
#pragma once

#include <cstdint>
#include <string>

#include <fmt/core.h>

#include "core/model/job_spec.h"

namespace slicemill::controller {

struct QuarantinePolicy {
  static constexpr std::uint64_t kJudgedFrom = 1'000;  // records: a share of fewer says little

  static constexpr double kAnyPercent = 100;

  std::uint64_t max_records = 10'000;  // 0: any number
  double max_percent = kAnyPercent;

  static QuarantinePolicy of(const JobSpec& job) {
    QuarantinePolicy policy;
    policy.max_records = job.most_quarantined.value_or(policy.max_records);
    policy.max_percent = job.most_quarantined_percent.value_or(policy.max_percent);
    return policy;
  }

  // Why the execution must end, "" if it may go on. at_end: all records were read.
  std::string excess(std::uint64_t quarantined, std::uint64_t read, bool at_end) const {
    if (max_records > 0 && quarantined > max_records)
      return fmt::format("{} records are quarantined, and quarantine_max_records is {}", quarantined, max_records);
    // An operation may make several records of one, so more than all can be quarantined.
    if (max_percent >= kAnyPercent || read == 0 || (read < kJudgedFrom && !at_end)) return {};
    const double percent = 100.0 * static_cast<double>(quarantined) / static_cast<double>(read);
    if (percent <= max_percent) return {};
    return fmt::format("{} of {} records ({:.2f} %) are quarantined, and quarantine_max_percent is {}", quarantined,
                       read, percent, max_percent);
  }
};

}  // namespace slicemill::controller
