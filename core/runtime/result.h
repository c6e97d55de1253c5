// Result<T>: what every fallible call of this project returns. Exceptions end at the call that may throw.
//
// Error codes are few on purpose: a new one needs a caller who reacts to it differently (an HTTP code, a retry, an exit
// code).
#pragma once

#include <boost/system/result.hpp>
#include <string>
#include <string_view>
#include <utility>

namespace slicemill {

enum class ErrorCode {
  invalid,      // the caller's input is wrong; never retried            HTTP 4xx/500 by dialect, exit 2
  not_found,    // no such job, execution, file                          HTTP 404
  conflict,     // the state forbids it (running job, stale attempt)     HTTP 409
  gone,         // deleted                                               HTTP 410
  unavailable,  // the other side cannot be reached now; may be retried  HTTP 503 (500 where a dialect says so)
  timeout,
  cancelled,
  io,        // a system call failed; message names path and errno text
  no_space,  // ENOSPC/EDQUOT; always an obstacle (see Error)
  corrupt,   // stored bytes fail their checksum or grammar
  unsupported,
  internal,  // a broken promise of our own code
};

std::string_view to_string(ErrorCode code);

struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string message;    // one sentence that names the place: file, field, byte
  bool retryable = true;  // false: running the same slice again cannot help
  // The machine's trouble, nobody's fault, and it may clear: full disk, quota, no descriptors left, a device that
  // fails, a file system that was made read-only. Whoever owns the work waits for that instead of counting a failure.
  bool obstacle = false;

  Error() = default;
  Error(ErrorCode c, std::string text) : code(c), message(std::move(text)), obstacle(c == ErrorCode::no_space) {}
  Error(ErrorCode c, std::string text, bool may_retry)
      : code(c), message(std::move(text)), retryable(may_retry), obstacle(c == ErrorCode::no_space) {}
};

template <typename T = void>
using Result = boost::system::result<T, Error>;

// Needed by boost::system::result: value() on an error is a bug of ours; it throws std::logic_error.
[[noreturn]] void throw_exception_from_error(const Error& error, const boost::source_location& where);

// "<what> <path>: <strerror>", the path made printable, with ENOSPC and EDQUOT as no_space, ENOENT as not_found and
// EEXIST as conflict.
Error errno_error(int saved_errno, std::string_view what, std::string_view path);
// ENOSPC, EDQUOT, EMFILE, ENFILE, EIO, EROFS.
bool is_obstacle(int saved_errno);
// The errno of an obstacle whose text the message holds; 0: none. For libraries that keep only the text.
int obstacle_in(std::string_view message);

// The same error with "context: " before its message.
Error with_context(Error error, std::string_view context);

}  // namespace slicemill

#define SLICEMILL_JOIN_(a, b) a##b
#define SLICEMILL_JOIN(a, b) SLICEMILL_JOIN_(a, b)

// RETURN_IF_ERROR(expr): leaves the function with expr's error.
#define RETURN_IF_ERROR(expr)                                                                  \
  do {                                                                                         \
    if (auto slicemill_result_ = (expr); !slicemill_result_) return slicemill_result_.error(); \
  } while (false)

// ASSIGN_OR_RETURN(auto x, expr): x = the value, or leaves the function with the error.
#define ASSIGN_OR_RETURN(target, expr)                                                      \
  auto SLICEMILL_JOIN(result_, __LINE__) = (expr);                                          \
  if (!SLICEMILL_JOIN(result_, __LINE__)) return SLICEMILL_JOIN(result_, __LINE__).error(); \
  target = std::move(*SLICEMILL_JOIN(result_, __LINE__))
