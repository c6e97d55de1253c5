// Whether a job would read what it writes: its outputs appear where its reader looks for input. Blocking; any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/model/job_spec.h"
#include "core/runtime/result.h"

namespace slicemill {

// What a sink of the job publishes, if that are files.
struct PublishedFiles {
  std::string directory;
  std::size_t depth = 0;           // the files are so many directories below, whose names depend on the records
  std::vector<std::string> names;  // some, if they are different for each slice: of every kind that there may be

  // Whether a reader that looks for this name in the directory finds one of them; "": it takes every name.
  bool match(const std::string& pattern) const;
  // Whether the directory may be one that they are in, by its path. Of depth 0: itself.
  bool may_be_in(const std::string& other_directory) const;
};

// Of each sink that writes files; of one whose files are at several depths one for each.
std::vector<PublishedFiles> published_files(const JobSpec& job);

// invalid, naming both, if a reader of `input` (a file, a directory or a pattern) would read what the job
// publishes. Links in the part of the pattern before its first special character are followed; where others lead is
// seen only when the pattern is looked up.
Result<void> check_own_output(const std::string& input, const JobSpec& job);

Error own_output_error(const std::string& input, const std::string& output);

}  // namespace slicemill
