// Starting other programs and knowing whether they still live. Passive: the loop drives it.
//
// A process is known by boot id, pid and start time, so that a reused pid is never mistaken for it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/runtime/asio_loop.h"
#include "core/runtime/result.h"

namespace slicemill {

struct ProcessIdentity {
  std::string boot_id;  // /proc/sys/kernel/random/boot_id
  pid_t pid = 0;
  std::uint64_t start_ticks = 0;  // field 22 of /proc/PID/stat

  bool operator==(const ProcessIdentity&) const = default;
};

struct ProcessSpec {
  std::vector<std::string> arguments;                            // [0] is the program's path
  std::vector<std::pair<std::string, std::string>> environment;  // added to ours
  std::string output_path;                                       // stdout and stderr are appended here; empty: ours
  int input = -1;  // descriptor that becomes its standard input; -1: there is nothing to read
  // For a standby process only (standby_process.h): what nobody else may see, without NUL bytes; "": nothing.
  std::string secret_text;
};

// How a process ended: seen by its parent only, otherwise unknown.
struct ProcessExit {
  bool known = false;
  int code = 0;                 // if it exited
  int signal = 0;               // if it was killed
  std::string to_text() const;  // "exit code 1", "signal 9 (Killed)", "unknown cause"
};

// As many descriptors as the system lets this process have. What it starts inherits that.
void raise_open_file_limit();

Result<ProcessIdentity> own_process();
Result<ProcessIdentity> identify_process(pid_t pid);
// False only if exactly this process is known to be gone (a zombie counts as gone).
bool is_alive(const ProcessIdentity& process);

// Our environment with these variables added or replaced, as NAME=VALUE.
std::vector<std::string> environment_with(const std::vector<std::pair<std::string, std::string>>& added);

// Why a program could not be started. No room for a process or its memory is an obstacle. Arguments and environment
// that are larger than the system takes will stay so: the error is final, and names the largest variable.
Error start_error(int saved_errno, const std::string& program, const std::vector<std::string>& environment);

// Opens /dev/null in the place of standard streams that are closed, so that no file of ours gets what is meant for
// them. Call it first in main.
void hold_standard_streams();

// posix_spawn in a process group of its own. Errors: start_error.
Result<ProcessIdentity> spawn_process(const ProcessSpec& spec);

// Calls on_exit once, on the loop thread, when exactly this process is gone (at once if it is gone already). Children
// are reaped, so their cause is known. Destroying the watch ends it.
class ProcessWatch {
 public:
  virtual ~ProcessWatch() = default;
};
std::unique_ptr<ProcessWatch> watch_process(AsioLoop& loop, const ProcessIdentity& process,
                                            std::function<void(ProcessExit)> on_exit);

// The seam for those who only need to know of deaths and to cause them (the controller towards its workers).
class ProcessMonitor {
 public:
  virtual ~ProcessMonitor() = default;
  virtual std::unique_ptr<ProcessWatch> watch(const ProcessIdentity& process,
                                              std::function<void(ProcessExit)> on_exit) = 0;
  virtual void kill(const ProcessIdentity& process) = 0;  // SIGKILL; gone already is fine
  virtual bool alive(const ProcessIdentity& process) = 0;
};
std::unique_ptr<ProcessMonitor> make_process_monitor(AsioLoop& loop);

// By how much (steps of nice) the priority of processes is below that of those that look after them: hundreds of busy
// workers would otherwise keep a master from telling the truth in time, and controllers from their leases.
constexpr int kControllersNiceness = 2;
constexpr int kWorkersNiceness = 5;

// Lowers the priority of this process. Call it before there is a second thread. Without effect where it is forbidden.
void lower_priority(int steps);

// Signals exactly this process (through a pidfd); not_found if it is gone.
Result<void> signal_process(const ProcessIdentity& process, int signal_number);

}  // namespace slicemill
