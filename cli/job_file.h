// Reading a job from a file, for the verbs that take one. Any thread.
#pragma once

#include <string>

#include "core/runtime/json.h"
#include "core/runtime/result.h"

namespace slicemill::cli {

// JSON or YAML. Every error names the file; a broken one names line and column too.
Result<Json> read_job_file(const std::string& path);

// The directory that relative paths in such a job are resolved against.
Result<std::string> working_directory();

}  // namespace slicemill::cli
