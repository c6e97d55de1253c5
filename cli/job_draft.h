// A first job for files of a user: what their beginning shows of format, columns and types, as commented YAML that runs
// as it stands. Blocking; any thread.
#pragma once

#include <string>
#include <vector>

#include "core/runtime/files.h"
#include "core/runtime/result.h"

namespace slicemill::cli {

// paths: a file, a directory or a pattern, or several files of one kind that a pattern stands for; base: the directory
// that relative ones start at, in which the job will write. not_found, invalid: what cannot be told, and why.
Result<std::string> draft_job(Files& files, const std::vector<std::string>& paths, const std::string& base);

}  // namespace slicemill::cli
