// Logging behind a small interface, so that only log.cc includes spdlog. Any thread.
#pragma once

#include <fmt/core.h>

#include <string>
#include <string_view>

#include "core/runtime/result.h"

namespace slicemill {

enum class LogLevel { trace, debug, info, warn, error, fatal };

std::string_view to_string(LogLevel level);
Result<LogLevel> parse_log_level(std::string_view text);

struct LogOptions {
  std::string path;     // rotated file; empty: standard error only
  std::string process;  // "master", "controller", "worker host__ab12": a column of every line
  LogLevel level = LogLevel::info;
  std::size_t rotate_bytes = 10 << 20;
  std::size_t keep_files = 3;
  bool also_stderr = false;
};

// Before the first line, once per process. Without it lines of level warn and above go to standard error.
Result<void> start_logging(const LogOptions& options);
void set_log_level(LogLevel level);
// Where this process's log is ("" if standard error): named by every error that a user sees.
std::string log_path();
void flush_log();

bool log_enabled(LogLevel level);
// One line in the log: line ends and control characters within are written as escapes.
void write_log(LogLevel level, std::string_view line);

template <typename... Args>
void log(LogLevel level, fmt::format_string<Args...> format, Args&&... args) {
  if (log_enabled(level)) write_log(level, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace slicemill
