#include "core/runtime/result.h"

#include <cerrno>
#include <cstring>
#include <stdexcept>

#include <fmt/core.h>

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

Error errno_error(int saved_errno, std::string_view what, std::string_view path) {
  ErrorCode code = ErrorCode::io;
  if (saved_errno == ENOSPC || saved_errno == EDQUOT) code = ErrorCode::no_space;
  if (saved_errno == ENOENT) code = ErrorCode::not_found;
  if (saved_errno == EEXIST) code = ErrorCode::conflict;
  return {code, fmt::format("{} {}: {}", what, path, std::strerror(saved_errno))};
}

Error with_context(Error error, std::string_view context) {
  error.message = fmt::format("{}: {}", context, error.message);
  return error;
}

}  // namespace slicemill
