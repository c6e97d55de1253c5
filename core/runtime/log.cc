#include "core/runtime/log.h"

#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "core/runtime/printable.h"

namespace slicemill {
namespace {

constexpr std::array<std::string_view, 6> kNames = {"trace", "debug", "info", "warn", "error", "fatal"};

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::trace:
      return spdlog::level::trace;
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warn:
      return spdlog::level::warn;
    case LogLevel::error:
      return spdlog::level::err;
    case LogLevel::fatal:
      return spdlog::level::critical;
  }
  return spdlog::level::info;
}

struct State {
  std::shared_ptr<spdlog::logger> logger;
  std::string path;
};

std::shared_ptr<spdlog::logger> default_logger() {
  auto logger = std::make_shared<spdlog::logger>("slicemill", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_level(spdlog::level::warn);
  logger->set_pattern("slicemill: %l: %v");
  return logger;
}

State& state() {
  static State instance{default_logger(), ""};
  return instance;
}

}  // namespace

std::string_view to_string(LogLevel level) {
  return kNames[static_cast<std::size_t>(level)];
}

Result<LogLevel> parse_log_level(std::string_view text) {
  for (std::size_t i = 0; i < kNames.size(); ++i)
    if (kNames[i] == text) return static_cast<LogLevel>(i);
  return Error(ErrorCode::invalid,
               fmt::format("Invalid log level \"{}\", must be one of: trace, debug, info, warn, error, fatal", text));
}

Result<void> start_logging(const LogOptions& options) {
  try {
    std::vector<spdlog::sink_ptr> sinks;
    if (!options.path.empty())
      sinks.push_back(std::make_shared<spdlog::sinks::rotating_file_sink_mt>(options.path, options.rotate_bytes,
                                                                             options.keep_files));
    if (options.path.empty() || options.also_stderr) sinks.push_back(std::make_shared<spdlog::sinks::stderr_sink_mt>());
    auto logger = std::make_shared<spdlog::logger>("slicemill", sinks.begin(), sinks.end());
    logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l [" + options.process + "] %v");
    logger->set_level(spdlog_level(options.level));
    logger->flush_on(spdlog::level::info);
    state() = State{std::move(logger), options.path};
    return {};
  } catch (const spdlog::spdlog_ex& error) {
    return Error(ErrorCode::io, fmt::format("cannot open the log {}: {}", options.path, error.what()));
  }
}

void set_log_level(LogLevel level) {
  state().logger->set_level(spdlog_level(level));
}

std::string log_path() {
  return state().path;
}

void flush_log() {
  state().logger->flush();
}

bool log_enabled(LogLevel level) {
  return state().logger->should_log(spdlog_level(level));
}

// One entry is one line, whatever names and messages it holds.
void write_log(LogLevel level, std::string_view line) {
  std::string escaped;
  if (!is_printable(line)) line = escaped = printable(line);
  state().logger->log(spdlog_level(level), spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace slicemill
