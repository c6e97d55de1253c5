// Parts of the log that one process of an execution writes (core/runtime/log.h), over its rotated files. Any thread.
#pragma once

#include <string>

#include "core/model/commands.h"
#include "core/runtime/files.h"
#include "core/runtime/result.h"

namespace slicemill::master {

// "controller", "worker-N", or "run": all of an execution without a master. Anything else is no name of a process.
bool is_process_name(std::string_view name);

// Whole lines of <directory>/<process>.log, about kMostLogBytes at most. A position names a file and a byte in it, so
// lines are found after the file was rotated too. not_found: no such log; invalid: no such process or position.
Result<LogPart> read_process_log(Files& files, const std::string& directory, const LogQuery& query);

inline constexpr std::size_t kMostLogBytes = 1 << 20;

}  // namespace slicemill::master
