// A process that is started before anybody needs it, and waits at the beginning of its main for what to do: loading and
// linking a program takes longer than all the rest of its start. It serves one order, like any other process.
//
// Order: how many texts follow, the output file, and the arguments, each ended by a NUL, over a pipe that is the
// process's standard input. If the pipe ends without a whole one (its owner has ended, however), the process ends too.
// What is secret comes last, and is announced by a "+" behind the number: no list of processes, environment or file
// shows it, and what the process starts finds nothing on its standard input.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/runtime/process.h"
#include "core/runtime/result.h"

namespace slicemill {

// ---- the side that starts it; loop thread ----

class StandbyProcess {
 public:
  // The program must begin its main with await_order().
  static Result<std::unique_ptr<StandbyProcess>> start(
      const std::string& program, const std::vector<std::pair<std::string, std::string>>& environment);
  ~StandbyProcess();  // ends the process, unless it got an order
  StandbyProcess(const StandbyProcess&) = delete;
  StandbyProcess& operator=(const StandbyProcess&) = delete;

  const ProcessIdentity& identity() const { return identity_; }
  // spec.environment must be the one it was started with. not_found: it has ended before.
  Result<void> give_order(const ProcessSpec& spec);

 private:
  StandbyProcess(ProcessIdentity identity, int pipe) : identity_(std::move(identity)), pipe_(pipe) {}
  void close_pipe();

  ProcessIdentity identity_;
  int pipe_ = -1;
};

// ---- the process itself; before any other thread runs ----

// The arguments of this process: those of main, or, if it was started as a standby, those of its order, once there is
// one. By then its output goes to the order's file and the process list shows the arguments. `prepare` runs before it
// waits. secret: what came with the order; "" if nothing did. Nothing: no order will come.
std::optional<std::vector<std::string>> await_order(int argc, char** argv, void (*prepare)(), std::string& secret);

}  // namespace slicemill
