#include "core/runtime/piped_child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include <fmt/core.h>

#include "core/runtime/child_guard.h"
#include "core/runtime/children.h"
#include "core/runtime/fault.h"
#include "core/runtime/text.h"

namespace slicemill {
namespace {

constexpr int kPipeBytes = 1 << 20;
constexpr int kNotStarted = 127;

// A pipe whose ends are above the standard descriptors, closed on exec.
class Pipe {
 public:
  ~Pipe() {
    for (const int fd : ends_)
      if (fd >= 0) close(fd);
  }
  Result<void> open(bool is_stream) {
    if (pipe2(ends_, O_CLOEXEC) != 0) return errno_error(errno, "cannot make", "a pipe");
    for (int& fd : ends_) {
      if (fd > STDERR_FILENO) continue;
      const int higher = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
      if (higher < 0) return errno_error(errno, "cannot make", "a pipe");
      close(fd);
      fd = higher;
    }
    // Where the system allows less, less it is.
    if (is_stream) (void)fcntl(ends_[1], F_SETPIPE_SZ, kPipeBytes);
    return {};
  }
  int reading() const { return ends_[0]; }
  int writing() const { return ends_[1]; }
  // Gives the end away, non-blocking.
  int release(int end) {
    const int fd = std::exchange(ends_[end], -1);
    (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    return fd;
  }

 private:
  int ends_[2] = {-1, -1};
};

enum class StartStep : std::int32_t { directory, program };

// What the child says when it could not become the program.
struct StartFailure {
  StartStep step;
  std::int32_t error;
};

struct ChildPlan {
  const char* program;
  char* const* arguments;
  char* const* environment;
  const char* directory;              // nullptr: ours
  int input, output, errors, report;  // input -1: none
  int guard;                          // -1: none
  pid_t parent;
};

// Between vfork and exec, on the stack of the parent, which waits: system calls only, and nothing of it is changed.
[[noreturn]] void become(const ChildPlan& plan) {
  const auto fail = [&plan](StartStep step) {
    const StartFailure failure{step, errno};
    (void)!write(plan.report, &failure, sizeof failure);
    _exit(kNotStarted);
  };
  setpgid(0, 0);
  const pid_t group = getpid();
  if (plan.guard >= 0) (void)!write(plan.guard, &group, sizeof group);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != plan.parent) _exit(kNotStarted);  // it died before the request was made
  struct sigaction normal {};
  normal.sa_handler = SIG_DFL;
  sigaction(SIGPIPE, &normal, nullptr);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  dup2(plan.input >= 0 ? plan.input : open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
  dup2(plan.output, STDOUT_FILENO);
  dup2(plan.errors, STDERR_FILENO);
  // Libraries open sockets without close-on-exec; a child must not keep our ports and locks.
  syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 1U << 2);  // CLOSE_RANGE_CLOEXEC
  if (plan.directory != nullptr && chdir(plan.directory) != 0) fail(StartStep::directory);
  execve(plan.program, plan.arguments, plan.environment);
  fail(StartStep::program);
  _exit(kNotStarted);
}

std::vector<char*> c_strings(std::vector<std::string>& texts) {
  std::vector<char*> result;
  result.reserve(texts.size() + 1);
  for (auto& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

bool is_program(const std::string& path) {
  struct stat found {};
  return stat(path.c_str(), &found) == 0 && S_ISREG(found.st_mode) && access(path.c_str(), X_OK) == 0;
}

}  // namespace

Result<std::unique_ptr<PipedChild>> PipedChild::start(const PipedChildSpec& spec) {
  static const bool ignores_broken_pipes = ::signal(SIGPIPE, SIG_IGN) != SIG_ERR;
  (void)ignores_broken_pipes;
  Pipe input, output, errors, report;
  if (spec.has_input) RETURN_IF_ERROR(input.open(true));
  RETURN_IF_ERROR(output.open(true));
  if (spec.errors_apart) RETURN_IF_ERROR(errors.open(true));
  RETURN_IF_ERROR(report.open(false));
  auto arguments = spec.arguments;
  auto environment = environment_with(spec.environment);
  const auto argument_pointers = c_strings(arguments);
  const auto environment_pointers = c_strings(environment);
  const ChildPlan plan{.program = spec.program.c_str(),
                       .arguments = argument_pointers.data(),
                       .environment = environment_pointers.data(),
                       .directory = spec.directory.empty() ? nullptr : spec.directory.c_str(),
                       .input = input.reading(),
                       .output = output.writing(),
                       .errors = spec.errors_apart ? errors.writing() : output.writing(),
                       .report = report.writing(),
                       .guard = child_guard(),
                       .parent = getpid()};
  if (!fault("spawn")) return start_error(EAGAIN, spec.program, environment);
  const pid_t pid = start_child([&plan] {
    const pid_t forked = vfork();  // NOLINT: a copy of a worker's page tables takes longer than many a task
    if (forked == 0) become(plan);
    return forked;
  });
  if (pid < 0) return start_error(errno, spec.program, environment);
  auto child = std::unique_ptr<PipedChild>(new PipedChild());
  child->pid_ = pid;
  setpgid(pid, pid);  // also here, so that a kill of the group finds it from now on
  child->pidfd_ = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  const int watch_error = errno;
  close(report.release(1));
  if (child->pidfd_ < 0) {
    child->kill_group();
    guard_forgets(pid);
    (void)waitpid(pid, nullptr, 0);
    child->is_reaped_ = true;
    child->exit_.emplace();
    return errno_error(watch_error, "cannot watch", spec.program);
  }
  StartFailure failure{};
  ssize_t got = 0;
  do got = read(report.reading(), &failure, sizeof failure);
  while (got < 0 && errno == EINTR);
  if (got == static_cast<ssize_t>(sizeof failure)) {
    const bool is_directory = failure.step == StartStep::directory;
    auto error = is_directory ? errno_error(failure.error, "cannot enter", spec.directory)
                              : start_error(failure.error, spec.program, environment);
    error.retryable = error.obstacle || failure.error == ETXTBSY;
    return error;
  }
  if (spec.has_input) child->fds_[0] = input.release(1);
  child->fds_[1] = output.release(0);
  if (spec.errors_apart) child->fds_[2] = errors.release(0);
  return child;
}

PipedChild::~PipedChild() {
  end(std::chrono::milliseconds(0));
  for (int i = 0; i < 3; ++i) close_stream(i);
  if (pidfd_ >= 0) close(pidfd_);
}

void PipedChild::close_stream(int index) {
  if (fds_[index] >= 0) close(std::exchange(fds_[index], -1));
}

const std::optional<ProcessExit>& PipedChild::exit() {
  if (exit_) return exit_;
  siginfo_t ended{};
  if (waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | WNOHANG | WNOWAIT) != 0) {
    exit_.emplace();  // somebody else reaped it: cause unknown
    is_reaped_ = true;
  } else if (ended.si_pid == pid_) {
    exit_.emplace();
    exit_->known = true;
    (ended.si_code == CLD_EXITED ? exit_->code : exit_->signal) = ended.si_status;
  }
  return exit_;
}

const ProcessExit& PipedChild::end(std::chrono::milliseconds grace) {
  const auto due = std::chrono::steady_clock::now() + grace;
  while (!exit()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(due - std::chrono::steady_clock::now()).count();
    if (left <= 0) kill_group();
    pollfd ended{.fd = pidfd_, .events = POLLIN, .revents = 0};
    poll(&ended, 1, left <= 0 ? -1 : static_cast<int>(left));
  }
  if (!is_reaped_) {
    kill_group();
    guard_forgets(pid_);
    (void)waitpid(pid_, nullptr, 0);
    is_reaped_ = true;
  }
  return *exit_;
}

void PipedChild::kill_group() {
  if (!is_reaped_) ::kill(-pid_, SIGKILL);
}

Result<std::string> find_program(const std::string& command, const std::string& directory,
                                 const std::string& search_path) {
  const auto missing = [&](const std::string& places) {
    return Error(ErrorCode::not_found, fmt::format("no program \"{}\" in {}", command, places), false);
  };
  if (command.starts_with('/')) {
    if (is_program(command)) return command;
    return Error(ErrorCode::not_found, fmt::format("{} is not a program that may be run", command), false);
  }
  if (!directory.empty()) {
    auto path = (std::filesystem::path(directory) / command).string();
    if (is_program(path)) return path;
  }
  if (command.find('/') != std::string::npos) return missing(directory.empty() ? "any asset directory" : directory);
  const char* path_text = search_path.empty() ? std::getenv("PATH") : search_path.c_str();
  const std::string search = path_text != nullptr ? path_text : "/usr/local/bin:/usr/bin:/bin";
  for (const auto& place : split(search, ':')) {
    auto path = fmt::format("{}/{}", place, command);
    if (place.starts_with('/') && is_program(path)) return path;
  }
  return missing(directory.empty() ? "PATH (" + search + ")" : directory + " or PATH (" + search + ")");
}

}  // namespace slicemill
