// Keeps secrets of a job out of what clients read. Pure, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/dialects/tork/job/tork_job.h"
#include "core/runtime/json.h"

namespace slicemill::api::tork {

inline constexpr std::string_view kRedacted = "[REDACTED]";

class Redaction {
 public:
  // Empty values are no secrets.
  explicit Redaction(const TextMap& secrets);

  // The text with each value of a secret replaced; where several begin, the longest one counts.
  std::string text(std::string_view text) const;

  // A document of a job, a task or a schedule: values of secrets in all texts that users or their programs wrote;
  // values of inputs, environments, options, headers and results whose names say that they are secret; `secrets` and
  // passwords of registries wholly. Ids, states and times stay.
  void apply(Json& document) const;

 private:
  void apply_to_map(Json& map) const;

  std::vector<std::string> values_;  // the longest first
};

}  // namespace slicemill::api::tork
