#include "core/runtime/standby_process.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <span>
#include <string_view>

namespace slicemill {
namespace {

constexpr std::string_view kStandby = "--standby";
constexpr const char* kSecretFollows = "+";
// Behind kStandby on the command line: the place where the arguments of the order will be shown.
constexpr std::size_t kShownBytes = 1'024;

Result<void> write_whole(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno_error(errno, "cannot write", "to a standby process");
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

std::string read_whole(int fd) {
  std::string text;
  std::array<char, 4096> bytes{};
  for (;;) {
    const ssize_t got = ::read(fd, bytes.data(), bytes.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return text;
    text.append(bytes.data(), static_cast<std::size_t>(got));
  }
}

void move_to(int fd, int target) {
  if (fd < 0) return;  // as it is, then: better than not to start
  dup2(fd, target);
  close(fd);
}

// What /proc and ps show is the memory that main was given: both arguments, one behind the other.
void show(std::span<char* const> argv, std::string_view arguments) {
  char* const first = argv[1];
  char* const last = argv[2] + std::strlen(argv[2]);
  const auto room = static_cast<std::size_t>(last - first);
  const auto shown = std::min(room, arguments.size());
  std::memcpy(first, arguments.data(), shown);
  std::memset(first + shown, 0, room - shown);
}

}  // namespace

Result<std::unique_ptr<StandbyProcess>> StandbyProcess::start(
    const std::string& program, const std::vector<std::pair<std::string, std::string>>& environment) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return errno_error(errno, "cannot make", "a pipe");
  ProcessSpec spec;
  spec.arguments = {program, std::string(kStandby), std::string(kShownBytes, ' ')};
  spec.environment = environment;
  spec.output_path = "/dev/null";  // until there is an order: it must not keep our own open
  spec.input = ends[0];
  auto identity = spawn_process(spec);
  close(ends[0]);
  if (!identity) {
    close(ends[1]);
    return identity.error();
  }
  return std::unique_ptr<StandbyProcess>(new StandbyProcess(std::move(*identity), ends[1]));
}

StandbyProcess::~StandbyProcess() {
  close_pipe();
}

void StandbyProcess::close_pipe() {
  if (pipe_ >= 0) close(std::exchange(pipe_, -1));
}

Result<void> StandbyProcess::give_order(const ProcessSpec& spec) {
  const bool has_secret = !spec.secret_text.empty();
  std::string order =
      std::to_string(spec.arguments.size()) + (has_secret ? kSecretFollows : "") + '\0' + spec.output_path + '\0';
  for (std::size_t i = 1; i < spec.arguments.size(); ++i) order += spec.arguments[i] + '\0';
  if (has_secret) order += spec.secret_text + '\0';
  if (!is_alive(identity_)) return Error(ErrorCode::not_found, "the standby process has ended");
  // SIGPIPE is ignored in every process that starts others. The pipe has room for far more than arguments.
  const auto written = write_whole(pipe_, order);
  close_pipe();
  if (!written) return Error(ErrorCode::not_found, written.error().message);
  return {};
}

std::optional<std::vector<std::string>> await_order(int argc, char** argv, void (*prepare)(), std::string& secret) {
  const std::span<char*> given(argv, static_cast<std::size_t>(argc));
  if (argc != 3 || kStandby != given[1]) return std::vector<std::string>(given.begin() + 1, given.end());
  prepare();
  const std::string order = read_whole(STDIN_FILENO);
  std::vector<std::string> parts;
  std::size_t begin = 0;  // of what is shown: behind the count and the output file
  for (std::size_t from = 0, end = 0; (end = order.find('\0', from)) != std::string::npos; from = end + 1) {
    parts.push_back(order.substr(from, end - from));
    if (parts.size() == 2) begin = end + 1;
  }
  // Its owner may have been killed within the order, whose last argument must not be half a number.
  const bool has_secret = !parts.empty() && parts[0].ends_with(kSecretFollows);
  if (has_secret) parts[0].pop_back();
  if (parts.empty() || parts[0] != std::to_string(parts.size() - (has_secret ? 2 : 1))) return std::nullopt;
  std::size_t end = order.size();  // of what is shown
  if (has_secret) {
    secret = std::move(parts.back());
    parts.pop_back();
    end -= secret.size() + 1;
  }
  parts.erase(parts.begin());
  show(given, std::string_view(order).substr(begin, end - begin));
  move_to(open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
  if (!parts[0].empty()) {
    move_to(open(parts[0].c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644), STDOUT_FILENO);
    dup2(STDOUT_FILENO, STDERR_FILENO);
  }
  parts.erase(parts.begin());
  return parts;
}

}  // namespace slicemill
