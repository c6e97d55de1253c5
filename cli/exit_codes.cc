#include "cli/exit_codes.h"

#include <cstdio>
#include <string>

#include "core/runtime/printable.h"

namespace slicemill::cli {
namespace {

// One line on a user's terminal, in which nothing acts: errors hold names of users, and line ends of other libraries.
std::string one_line(std::string_view message) {
  while (message.ends_with('\n') || message.ends_with('\r') || message.ends_with(' ')) message.remove_suffix(1);
  return printable(message);
}

}  // namespace

ExitCode exit_code_of(const Error& error) {
  switch (error.code) {
    case ErrorCode::invalid:
    case ErrorCode::not_found:
    case ErrorCode::unsupported:
    case ErrorCode::gone:
      return ExitCode::bad_input;
    case ErrorCode::conflict:
    case ErrorCode::unavailable:
    case ErrorCode::timeout:
      return ExitCode::cannot_start;
    case ErrorCode::io:
    case ErrorCode::no_space:
    case ErrorCode::corrupt:
      return ExitCode::storage;
    case ErrorCode::cancelled:
      return ExitCode::interrupted;
    case ErrorCode::internal:
      return ExitCode::failed;
  }
  return ExitCode::failed;
}

ExitCode report(const Error& error, ExitCode code) {
  const std::string line = one_line(error.message);
  std::fprintf(stderr, "slicemill: %s\n", line.c_str());
  return code;
}

ExitCode report(const Error& error) {
  return report(error, exit_code_of(error));
}

void say(std::FILE* stream, std::string_view text) {
  std::clearerr(stream);
  (void)std::fwrite(text.data(), 1, text.size(), stream);
  (void)std::fflush(stream);
}

void report_warning(std::string_view message) {
  const std::string line = one_line(message);
  std::fprintf(stderr, "slicemill: warning: %s\n", line.c_str());
}

}  // namespace slicemill::cli
