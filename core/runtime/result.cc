#include "core/runtime/result.h"
#include "core/runtime/printable.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include <fmt/core.h>

#include "core/runtime/text.h"

namespace slicemill {

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid:
      return "invalid";
    case ErrorCode::not_found:
      return "not_found";
    case ErrorCode::conflict:
      return "conflict";
    case ErrorCode::gone:
      return "gone";
    case ErrorCode::unavailable:
      return "unavailable";
    case ErrorCode::timeout:
      return "timeout";
    case ErrorCode::cancelled:
      return "cancelled";
    case ErrorCode::io:
      return "io";
    case ErrorCode::no_space:
      return "no_space";
    case ErrorCode::corrupt:
      return "corrupt";
    case ErrorCode::unsupported:
      return "unsupported";
    case ErrorCode::internal:
      return "internal";
  }
  return "internal";
}

void throw_exception_from_error(const Error& error, const boost::source_location& where) {
  throw std::logic_error(fmt::format("{}:{}: value() of an error: {}", where.file_name(), where.line(), error.message));
}

namespace {
constexpr std::array kObstacles = {ENOSPC, EDQUOT, EMFILE, ENFILE, EIO, EROFS};
// What is wrong with a path does not go away by waiting.
constexpr std::array kFinal = {EACCES, ELOOP, ENAMETOOLONG, ENOTDIR, EISDIR};
}  // namespace

bool is_obstacle(int saved_errno) {
  return std::find(kObstacles.begin(), kObstacles.end(), saved_errno) != kObstacles.end();
}

int obstacle_in(std::string_view message) {
  for (const int number : kObstacles)
    if (message.find(std::strerror(number)) != std::string_view::npos) return number;
  return 0;
}

Error errno_error(int saved_errno, std::string_view what, std::string_view path) {
  ErrorCode code = ErrorCode::io;
  if (saved_errno == ENOSPC || saved_errno == EDQUOT) code = ErrorCode::no_space;
  if (saved_errno == ENOENT) code = ErrorCode::not_found;
  if (saved_errno == EEXIST) code = ErrorCode::conflict;
  Error error(code, fmt::format("{} {}: {}", what, printable(path), std::strerror(saved_errno)));
  error.retryable = std::find(kFinal.begin(), kFinal.end(), saved_errno) == kFinal.end();
  error.obstacle = is_obstacle(saved_errno);
  return error;
}

Error with_context(Error error, std::string_view context) {
  error.message = fmt::format("{}: {}", context, error.message);
  return error;
}

}  // namespace slicemill
