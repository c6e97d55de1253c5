// Reading a job from a file, for the verbs that take one. Any thread.
#pragma once

#include <string>

#include "core/model/job.h"
#include "core/runtime/json.h"
#include "core/runtime/result.h"

namespace slicemill::cli {

struct JobFile {
  Json job;         // an object
  YamlNotes notes;  // what may be read otherwise than it was meant
};

// JSON or YAML; "-" is standard input. Every error names the file; a broken one names line and column too.
Result<JobFile> read_job_file(const std::string& path);

// The directory that relative paths in such a job are resolved against.
Result<std::string> working_directory();

// The job as an execution has it: checked, with all defaults; relative paths start at the working directory, `assets`
// are those given. Warnings are left to the caller.
Result<ValidatedJob> resolve_job_file(const std::string& path, const AssetCatalog& assets);

// The same, with its warnings printed.
Result<Json> read_resolved_job(const std::string& path, const AssetCatalog& assets);

}  // namespace slicemill::cli
