#include "core/runtime/process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <mutex>
#include <sstream>

#include <fmt/core.h>

#include "core/runtime/children.h"
#include "core/runtime/fault.h"
#include "core/runtime/log.h"
#include "core/runtime/readiness.h"

namespace slicemill {
namespace {

const std::string& boot_id() {
  static const std::string id = [] {
    std::ifstream file("/proc/sys/kernel/random/boot_id");
    std::string text;
    std::getline(file, text);
    return text;
  }();
  return id;
}

constexpr std::size_t kShownNameBytes = 64;

struct Stat {
  char state = '?';
  std::uint64_t start_ticks = 0;
};

// Descriptors that are kept for the moment when no others are left: whether a process lives must be known even then, or
// a living one would be replaced. Any thread.
class SpareDescriptors {
 public:
  static SpareDescriptors& instance() {
    static SpareDescriptors spare;
    return spare;
  }
  // What `open` opens, if need be in the place of a spare one.
  template <typename Open>
  int get(const Open& open) {
    const int fd = open();
    if (fd >= 0 || (errno != EMFILE && errno != ENFILE)) return fd;
    const std::lock_guard lock(mutex_);
    for (int& kept : kept_) {
      if (kept < 0) continue;
      ::close(std::exchange(kept, -1));
      return open();
    }
    errno = EMFILE;
    return -1;
  }
  void refill() {
    const std::lock_guard lock(mutex_);
    for (int& kept : kept_)
      if (kept < 0) kept = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  }

 private:
  SpareDescriptors() { refill(); }

  std::mutex mutex_;
  std::array<int, 3> kept_{-1, -1, -1};
};

// One line of /proc, however few descriptors there are. The error number if the line cannot be read.
struct ProcLine {
  std::string text;
  int error = 0;
};
ProcLine read_proc_line(const std::string& path) {
  auto& spare = SpareDescriptors::instance();
  const int fd = spare.get([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC); });
  if (fd < 0) return {{}, errno};
  std::array<char, 2048> text{};
  const ssize_t got = ::read(fd, text.data(), text.size());
  const int error = got < 0 ? errno : got == 0 ? ESRCH : 0;
  ::close(fd);
  spare.refill();
  return {error == 0 ? std::string(text.data(), static_cast<std::size_t>(got)) : std::string(), error};
}

// What the system says of a pid. `unknown`: the system could not be asked (no memory, no descriptors), which is no word
// about the process.
enum class Presence : std::uint8_t { there, gone, unknown };
struct ProcessStat {
  Presence presence = Presence::unknown;
  Stat stat = {};  // if it is there
};

ProcessStat read_stat(pid_t pid) {
  const ProcLine line = read_proc_line(fmt::format("/proc/{}/stat", pid));
  if (line.error != 0) return {line.error == ENOENT || line.error == ESRCH ? Presence::gone : Presence::unknown};
  const auto close = line.text.rfind(')');  // the name in parentheses may hold anything
  if (close == std::string::npos) return {};
  std::istringstream fields(line.text.substr(close + 2));
  Stat stat;
  fields >> stat.state;
  std::string skipped;
  for (int field = 4; field < 22; ++field) fields >> skipped;
  fields >> stat.start_ticks;
  if (!fields) return {};
  return {Presence::there, stat};
}

struct Pidfd {
  int fd = -1;
  Presence presence = Presence::gone;  // with fd -1: gone or unknown
};

// A pidfd that surely means this process: it is opened first, compared afterwards.
Pidfd open_pidfd_of(const ProcessIdentity& process) {
  const int fd =
      SpareDescriptors::instance().get([&] { return static_cast<int>(syscall(SYS_pidfd_open, process.pid, 0)); });
  if (fd < 0) return {-1, errno == ESRCH || errno == EINVAL ? Presence::gone : Presence::unknown};
  const auto [presence, stat] = read_stat(process.pid);
  if (process.boot_id == boot_id() && presence == Presence::there && stat.start_ticks == process.start_ticks)
    return {fd, Presence::there};
  close(fd);
  SpareDescriptors::instance().refill();
  return {-1, process.boot_id == boot_id() && presence == Presence::unknown ? Presence::unknown : Presence::gone};
}

class PidfdWatch final : public ProcessWatch {
 public:
  PidfdWatch(AsioLoop& loop, ProcessIdentity process, std::function<void(ProcessExit)> on_exit)
      : loop_(loop), process_(std::move(process)), on_exit_(std::move(on_exit)), alive_(std::make_shared<bool>(true)) {
    begin();
  }
  ~PidfdWatch() override {
    watch_.reset();
    if (fd_ >= 0) close(fd_);
  }

 private:
  void begin() {
    const Pidfd opened = open_pidfd_of(process_);
    fd_ = opened.fd;
    if (fd_ >= 0) {
      watch_ = loop_.watch_readable(fd_, [this] { exited(); });
    } else if (opened.presence == Presence::gone) {
      loop_.post([this, alive = std::weak_ptr<bool>(alive_)] {
        if (!alive.expired()) exited();
      });
    } else {
      loop_.after(kLookAgain, [this, alive = std::weak_ptr<bool>(alive_)] {
        if (!alive.expired()) begin();
      });
    }
  }

  void exited() {
    if (reported_) return;
    // waitpid alone says nothing of a process that somebody else started. Until the descriptor says it, it lives.
    if (fd_ >= 0 && !is_readable(fd_)) {
      log(LogLevel::error, "process {} was reported as gone and lives: the report is ignored", process_.pid);
      return;
    }
    reported_ = true;
    ProcessExit cause;
    int status = 0;
    if (waitpid(process_.pid, &status, WNOHANG) == process_.pid) {
      cause.known = true;
      if (WIFEXITED(status)) cause.code = WEXITSTATUS(status);
      if (WIFSIGNALED(status)) cause.signal = WTERMSIG(status);
    }
    // The callback may destroy this watch, so it is moved out first.
    const auto callback = std::move(on_exit_);
    callback(cause);
  }

  static constexpr Duration kLookAgain = std::chrono::milliseconds(200);  // without descriptors

  AsioLoop& loop_;
  const ProcessIdentity process_;
  int fd_ = -1;
  std::function<void(ProcessExit)> on_exit_;
  std::shared_ptr<bool> alive_;
  bool reported_ = false;
  std::unique_ptr<AsioLoop::Watch> watch_;
};

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  result.reserve(texts.size() + 1);
  for (auto& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

}  // namespace

std::string ProcessExit::to_text() const {
  if (!known) return "unknown cause";
  if (signal != 0) return fmt::format("signal {} ({})", signal, strsignal(signal));
  return fmt::format("exit code {}", code);
}

Result<ProcessIdentity> identify_process(pid_t pid) {
  const auto [presence, stat] = read_stat(pid);
  if (presence == Presence::unknown)
    return Error(ErrorCode::unavailable, fmt::format("the system does not say what process {} is", pid));
  if (presence == Presence::gone) return Error(ErrorCode::not_found, fmt::format("no process {}", pid));
  return ProcessIdentity{boot_id(), pid, stat.start_ticks};
}

void raise_open_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &limit);  // the old limit still serves
}

Result<ProcessIdentity> own_process() {
  return identify_process(getpid());
}

bool is_alive(const ProcessIdentity& process) {
  if (process.boot_id != boot_id()) return false;
  const auto [presence, stat] = read_stat(process.pid);
  if (presence != Presence::there) return presence == Presence::unknown;
  return stat.start_ticks == process.start_ticks && stat.state != 'Z' && stat.state != 'X';
}

std::vector<std::string> environment_with(const std::vector<std::pair<std::string, std::string>>& added) {
  std::vector<std::string> result;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const auto name = text.substr(0, text.find('='));
    bool replaced = false;
    for (const auto& [key, value] : added) replaced = replaced || key == name;
    if (!replaced) result.emplace_back(text);
  }
  for (const auto& [key, value] : added) result.push_back(fmt::format("{}={}", key, value));
  return result;
}

Error start_error(int saved_errno, const std::string& program, const std::vector<std::string>& environment) {
  Error error = errno_error(saved_errno, "cannot start", program);
  if (saved_errno == EAGAIN || saved_errno == ENOMEM) error.obstacle = true;
  if (saved_errno != E2BIG) return error;
  std::size_t bytes = 0;
  std::string_view largest;
  for (const std::string& entry : environment) {
    bytes += entry.size() + 1;
    if (entry.size() > largest.size()) largest = entry;
  }
  error.code = ErrorCode::invalid;
  error.retryable = false;
  error.message += fmt::format(
      ": its environment has {} bytes, {} of them in {}; make env_vars of the job, or the master's environment, "
      "smaller",
      bytes, largest.size(), largest.substr(0, std::min(largest.find('='), kShownNameBytes)));
  return error;
}

void hold_standard_streams() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
    // The lowest free number is this one: those below are open by now. Not for reading: a closed standard input is an
    // error of who reads it.
    [[maybe_unused]] const int opened = ::open("/dev/null", O_WRONLY);
  }
}

Result<ProcessIdentity> spawn_process(const ProcessSpec& spec) {
  SpareDescriptors::instance().refill();  // the new process must be known, whatever happens to descriptors
  auto arguments = spec.arguments;
  auto environment = environment_with(spec.environment);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (spec.input >= 0)
    posix_spawn_file_actions_adddup2(&actions, spec.input, STDIN_FILENO);
  else
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  if (!spec.output_path.empty()) {
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, spec.output_path.c_str(), O_WRONLY | O_CREAT | O_APPEND,
                                     0644);
    posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  }
  // Libraries open sockets without close-on-exec; a child that outlives us would keep our port and our locks.
  posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigset_t defaults;
  sigemptyset(&none);
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGPIPE);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  int error = fault("spawn") ? 0 : EAGAIN;
  const pid_t pid = error != 0 ? -1 : start_child([&] {
    pid_t started = -1;
    error = posix_spawn(&started, arguments[0].c_str(), &actions, &attributes, pointers(arguments).data(),
                        pointers(environment).data());
    errno = error;
    return error == 0 ? started : -1;
  });
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return start_error(error, spec.arguments[0], environment);
  // Not reaped yet, so /proc still knows it even if it ended at once.
  return identify_process(pid);
}

std::unique_ptr<ProcessWatch> watch_process(AsioLoop& loop, const ProcessIdentity& process,
                                            std::function<void(ProcessExit)> on_exit) {
  return std::make_unique<PidfdWatch>(loop, process, std::move(on_exit));
}

namespace {

class LocalProcessMonitor final : public ProcessMonitor {
 public:
  explicit LocalProcessMonitor(AsioLoop& loop) : loop_(loop) {}
  std::unique_ptr<ProcessWatch> watch(const ProcessIdentity& process,
                                      std::function<void(ProcessExit)> on_exit) override {
    return watch_process(loop_, process, std::move(on_exit));
  }
  void kill(const ProcessIdentity& process) override { (void)signal_process(process, SIGKILL); }
  bool alive(const ProcessIdentity& process) override { return is_alive(process); }

 private:
  AsioLoop& loop_;
};

}  // namespace

std::unique_ptr<ProcessMonitor> make_process_monitor(AsioLoop& loop) {
  return std::make_unique<LocalProcessMonitor>(loop);
}

void lower_priority(int steps) {
  // -1 may be an answer, and nothing depends on it.
  [[maybe_unused]] const int niceness = nice(steps);
}

Result<void> signal_process(const ProcessIdentity& process, int signal_number) {
  const auto [fd, presence] = open_pidfd_of(process);
  if (presence == Presence::unknown) return errno_error(EMFILE, "cannot signal process", std::to_string(process.pid));
  if (fd < 0) return Error(ErrorCode::not_found, fmt::format("process {} is gone", process.pid));
  const long failed = syscall(SYS_pidfd_send_signal, fd, signal_number, nullptr, 0);
  const int saved = errno;
  close(fd);
  SpareDescriptors::instance().refill();
  if (failed != 0) return errno_error(saved, "cannot signal process", std::to_string(process.pid));
  return {};
}

}  // namespace slicemill
