// What is to be said about a job that is valid all the same. Plain values, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace slicemill {

struct JobWarning {
  enum class Kind : std::uint8_t {
    deprecation,  // the field does what it says, and has a new name
    unknown,      // nobody knows the field
    no_effect,    // the field is known, and means nothing here
    ambiguous,    // the value could be read as another one
  };
  enum class Holder : std::uint8_t { job, operation, api };

  Kind kind = Kind::unknown;
  std::string field;
  std::string description;
  Holder holder = Holder::job;
  std::string name{};   // of an operation or api; "" for the job
  std::string place{};  // "operations[0]"; "" for the job

  bool operator==(const JobWarning&) const = default;
};

std::string_view to_string(JobWarning::Kind kind);
// For each thing that a parser noted about the text of a job.
std::vector<JobWarning> warnings_of(const std::vector<std::string>& notes);
// One line: "operations[1]: filter: unknown key ...".
std::string to_text(const JobWarning& warning);

}  // namespace slicemill
