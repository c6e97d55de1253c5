// What the exit code of `slicemill` says. Documented in docs/getting-started.md.
#pragma once

#include <cstdio>
#include <string_view>

#include "core/runtime/result.h"

namespace slicemill::cli {

enum class ExitCode : int {
  ok = 0,
  failed = 1,        // the job ended with failed slices or failed as a whole; verify found differences
  bad_input = 2,     // command line, configuration or job
  cannot_start = 3,  // port in use, data directory locked or unwritable, ledger locked, master not reachable
  storage = 4,       // no space, I/O error, damaged ledger
  quarantined = 5,   // records were quarantined; only with --fail-on-quarantine
  unproven = 6,      // --chaos killed nothing
  timed_out = 124,   // the time of --timeout is over
  interrupted = 130,
};

// The code of an error that names no better one.
ExitCode exit_code_of(const Error& error);

// Writes "slicemill: <message>" to standard error, on one line, and returns the code.
ExitCode report(const Error& error);
ExitCode report(const Error& error, ExitCode code);
// Writes text and flushes. A stream that nobody reads any more, or a full disk behind it, ends nothing (SIGPIPE must be
// ignored).
void say(std::FILE* stream, std::string_view text);
// "slicemill: warning: <message>".
void report_warning(std::string_view message);

}  // namespace slicemill::cli
