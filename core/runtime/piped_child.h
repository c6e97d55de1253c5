// A child program with its three standard streams in our hands. Passive: the owner polls the descriptors.
//
// The child leads a process group of its own and is killed by the system when the thread that started it ends, so it
// never outlives a worker that dies. What it started itself goes with its group: when we end it, and when we die
// (child_guard.h). One thread.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/runtime/process.h"
#include "core/runtime/result.h"

namespace slicemill {

struct PipedChildSpec {
  std::string program;                                           // absolute path
  std::vector<std::string> arguments;                            // [0] is the name that the child sees
  std::vector<std::pair<std::string, std::string>> environment;  // added to ours
  std::string directory;                                         // where it runs; empty: where we run
  bool has_input = true;                                         // false: its stdin is empty, and input() is -1
  bool errors_apart = true;                                      // false: its stderr is its stdout, and errors() is -1
};

class PipedChild {
 public:
  // Non-blocking ends of pipes of about a megabyte where the system allows it. From the first start on this process
  // ignores SIGPIPE. Errors name the program, or the directory, and the cause.
  static Result<std::unique_ptr<PipedChild>> start(const PipedChildSpec& spec);
  // Kills the group and reaps the child.
  ~PipedChild();
  PipedChild(const PipedChild&) = delete;
  PipedChild& operator=(const PipedChild&) = delete;

  // -1 once closed.
  int input() const { return fds_[0]; }   // its stdin
  int output() const { return fds_[1]; }  // its stdout
  int errors() const { return fds_[2]; }  // its stderr
  int pidfd() const { return pidfd_; }    // readable when it has ended
  pid_t pid() const { return pid_; }

  void close_input() { close_stream(0); }
  void close_output() { close_stream(1); }
  void close_errors() { close_stream(2); }

  // How it ended; nothing while it runs. It stays a zombie until end(), so that its group's id is not given to others.
  const std::optional<ProcessExit>& exit();
  // Waits for the end at most so long, kills what is left of the group, reaps.
  const ProcessExit& end(std::chrono::milliseconds grace);
  // SIGKILL for the group; nothing after end().
  void kill_group();

 private:
  PipedChild() = default;
  void close_stream(int index);

  pid_t pid_ = -1;
  int pidfd_ = -1;
  int fds_[3] = {-1, -1, -1};
  std::optional<ProcessExit> exit_;
  bool is_reaped_ = false;
};

// The absolute path of a command: with a slash it is one already, or relative to `directory`; a bare name is looked for
// in `directory`, then in PATH, or what stands for it. "" as directory: neither. not_found naming the places that were
// searched.
Result<std::string> find_program(const std::string& command, const std::string& directory,
                                 const std::string& search_path = "");

}  // namespace slicemill
