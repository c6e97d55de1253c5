#include "core/runtime/control_group.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <vector>

#include "core/runtime/files.h"
#include "core/runtime/text.h"

namespace slicemill {

namespace {

using Version = ControlGroupParent::Version;

constexpr std::string_view kNamePrefix = "slicemill-worker-";

std::string group_directory(const ControlGroupParent& parent, pid_t pid) {
  return fmt::format("{}/{}{}", parent.directory, kNamePrefix, pid);
}

// "" if it cannot be read.
std::string text_of(const std::string& path) {
  const auto text = read_whole_file(posix_files(), path);
  return text ? *text : "";
}

bool has_word(std::string_view list, std::string_view word) {
  for (const auto& each : split(list, ','))
    if (each == word) return true;
  return false;
}

// The files of a group take one value per write, and exist already.
Result<void> put(const std::string& path, const std::string& value) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (file < 0) return errno_error(errno, "cannot open", path);
  const bool written = ::write(file, value.data(), value.size()) == static_cast<ssize_t>(value.size());
  const int failed = errno;
  ::close(file);
  if (!written) return errno_error(failed, "cannot write", path);
  return {};
}

Result<void> limit(const std::string& group, Version version, std::uint64_t bytes) {
  const std::string most = std::to_string(bytes);
  if (version == Version::v2) {
    RETURN_IF_ERROR(put(group + "/memory.max", most));
    (void)put(group + "/memory.swap.max", "0");  // absent without swap
    return {};
  }
  RETURN_IF_ERROR(put(group + "/memory.limit_in_bytes", most));
  (void)put(group + "/memory.memsw.limit_in_bytes", most);  // absent where the kernel does not count swap
  return {};
}

// Of each tenth of a second.
constexpr double kPeriodUs = 100'000;
constexpr double kLeastQuotaUs = 1'000;  // the kernel takes no less

Result<void> limit_cpus(const std::string& group, Version version, double cpus) {
  const auto quota = static_cast<std::int64_t>(std::max(kLeastQuotaUs, cpus * kPeriodUs));
  const auto period = static_cast<std::int64_t>(kPeriodUs);
  if (version == Version::v2) return put(group + "/cpu.max", fmt::format("{} {}", quota, period));
  RETURN_IF_ERROR(put(group + "/cpu.cfs_period_us", std::to_string(period)));
  return put(group + "/cpu.cfs_quota_us", std::to_string(quota));
}

Result<void> make_cpu_group(const ControlGroupParent& parent, const std::string& group, double cpus) {
  if (parent.version == Version::v1) rmdir(group.c_str());  // of a former process with this number
  const bool is_there = mkdir(group.c_str(), 0755) == 0 || (errno == EEXIST && parent.version == Version::v2);
  if (!is_there) return errno_error(errno, "cannot make", group);
  return limit_cpus(group, parent.version, cpus);
}

// Where a controller is mounted: mountinfo's fields are "id parent major:minor root mount-point options ... - type
// source super-options" (proc_pid_mountinfo(5)).
struct Mount {
  std::string root, point, type, super_options;
};

std::vector<Mount> mounts(std::string_view mountinfo) {
  std::vector<Mount> found;
  for (const auto& line : split(mountinfo, '\n')) {
    const auto words = split(line, ' ');
    std::size_t dash = 6;
    while (dash < words.size() && words[dash] != "-") ++dash;
    if (dash + 3 < words.size()) found.push_back({words[3], words[4], words[dash + 1], words[dash + 3]});
  }
  return found;
}

// A group's path as seen from the mount, which may show a part of the tree only.
std::string below(const Mount& mount, std::string group) {
  if (mount.root != "/" && group.starts_with(mount.root)) group.erase(0, mount.root.size());
  if (group == "/") group.clear();
  return mount.point + group;
}

}  // namespace

std::optional<ControlGroupParent> find_control_group_parent(GroupController controller, std::string_view mountinfo,
                                                            std::string_view own_groups) {
  const std::string_view name = controller == GroupController::memory ? "memory" : "cpu";
  std::optional<std::string> group_v1, group_v2;
  for (const auto& line : split(own_groups, '\n')) {  // "id:controllers:path" (cgroups(7))
    const auto colon = line.find(':');
    const auto path = colon == std::string::npos ? colon : line.find(':', colon + 1);
    if (path == std::string::npos) continue;
    const std::string controllers = line.substr(colon + 1, path - colon - 1);
    if (controllers.empty()) group_v2 = line.substr(path + 1);
    if (has_word(controllers, name)) group_v1 = line.substr(path + 1);
  }
  const auto all = mounts(mountinfo);
  for (const auto& mount : all)
    if (group_v1 && mount.type == "cgroup" && has_word(mount.super_options, name))
      return ControlGroupParent{below(mount, *group_v1), Version::v1};
  for (const auto& mount : all)
    if (group_v2 && !group_v1 && mount.type == "cgroup2") {
      const std::string own = below(mount, *group_v2);
      return ControlGroupParent{own == mount.point ? own : own.substr(0, own.rfind('/')), Version::v2};
    }
  return std::nullopt;
}

std::optional<ControlGroupParent> find_control_group_parent(GroupController controller) {
  return find_control_group_parent(controller, text_of("/proc/self/mountinfo"), text_of("/proc/self/cgroup"));
}

Result<void> enter_memory_group(const ControlGroupParent& parent, std::uint64_t bytes) {
  const std::string group = group_directory(parent, getpid());
  rmdir(group.c_str());  // of a former process with this number
  if (mkdir(group.c_str(), 0755) != 0) return errno_error(errno, "cannot make", group);
  auto entered = limit(group, parent.version, bytes);
  if (entered) entered = put(group + "/cgroup.procs", std::to_string(getpid()));
  if (!entered) rmdir(group.c_str());
  return entered;
}

Result<void> enter_cpu_group(const ControlGroupParent& parent, double cpus) {
  const std::string group = group_directory(parent, getpid());
  auto entered = make_cpu_group(parent, group, cpus);
  if (entered) entered = put(group + "/cgroup.procs", std::to_string(getpid()));
  if (!entered) rmdir(group.c_str());
  return entered;
}

Result<void> try_cpu_group(const ControlGroupParent& parent) {
  const std::string group = group_directory(parent, getpid());
  const auto made = make_cpu_group(parent, group, 1);
  rmdir(group.c_str());
  return made;
}

void end_cpu_group(const ControlGroupParent& parent, pid_t pid) {
  rmdir(group_directory(parent, pid).c_str());
}

bool end_memory_group(const ControlGroupParent& parent, pid_t pid) {
  const std::string group = group_directory(parent, pid);
  const std::string events =
      text_of(group + (parent.version == Version::v2 ? "/memory.events" : "/memory.oom_control"));
  rmdir(group.c_str());
  for (const auto& line : split(events, '\n'))
    if (line.starts_with("oom_kill ")) return line != "oom_kill 0";
  return false;
}

void sweep_control_groups(const ControlGroupParent& parent) {
  std::error_code ignored;
  std::vector<std::string> groups;
  for (std::filesystem::directory_iterator entry(parent.directory, ignored), end; !ignored && entry != end;
       entry.increment(ignored))
    if (entry->path().filename().string().starts_with(kNamePrefix)) groups.push_back(entry->path().string());
  for (const auto& group : groups) rmdir(group.c_str());
}

}  // namespace slicemill
