#include "core/model/job_warning.h"

#include <fmt/format.h>

namespace slicemill {

std::string_view to_string(JobWarning::Kind kind) {
  switch (kind) {
    case JobWarning::Kind::deprecation:
      return "deprecation";
    case JobWarning::Kind::unknown:
      return "unknown";
    case JobWarning::Kind::no_effect:
      return "no_effect";
    case JobWarning::Kind::ambiguous:
      return "ambiguous";
  }
  return "";
}

std::vector<JobWarning> warnings_of(const std::vector<std::string>& notes) {
  std::vector<JobWarning> warnings;
  for (const auto& note : notes) warnings.push_back({JobWarning::Kind::ambiguous, "", note});
  return warnings;
}

std::string to_text(const JobWarning& warning) {
  if (warning.holder == JobWarning::Holder::job) return fmt::format("job: {}", warning.description);
  return fmt::format("{}: {}: {}", warning.place, warning.name, warning.description);
}

}  // namespace slicemill
