// Control groups that limit the memory, or the processors, of one process and of all that it starts together (the
// kernel's memory and cpu controllers, version 1 or 2: see "cgroup-v1" and "cgroup-v2" in its administrator's guide).
// When they need more memory, the kernel kills one of them; when they need more of the processors, they wait.
//
// Groups are named by the process that they were made for. An empty one that somebody left behind costs nothing but its
// name, and can be removed by anybody who is allowed to: the kernel keeps those that are in use.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/runtime/result.h"

namespace slicemill {

// The directory in which this machine lets groups be made.
struct ControlGroupParent {
  enum class Version { v1, v2 };
  std::string directory;
  Version version = Version::v2;
  bool operator==(const ControlGroupParent&) const = default;
};

enum class GroupController { memory, cpu };

// From the texts of /proc/self/mountinfo and /proc/self/cgroup; nothing if the controller is not mounted. Version 1:
// the process's own group. Version 2: the one above it, since a group of version 2 has either processes or limited
// groups in it.
std::optional<ControlGroupParent> find_control_group_parent(GroupController controller, std::string_view mountinfo,
                                                            std::string_view own_groups);
// Of this process.
std::optional<ControlGroupParent> find_control_group_parent(GroupController controller);

// Makes this process's group, with that limit on memory and swap together, and moves the process into it. An error, and
// nothing done, where the machine does not allow it.
Result<void> enter_memory_group(const ControlGroupParent& parent, std::uint64_t bytes);

// The same with a limit on processor time: `cpus` of them, such as 0.5 or 2. After enter_memory_group(), which in
// version 2 has made the same group.
Result<void> enter_cpu_group(const ControlGroupParent& parent, double cpus);
// Whether such groups can be made here: tries it with an empty one, which is taken away again.
Result<void> try_cpu_group(const ControlGroupParent& parent);
// Once the process is gone.
void end_cpu_group(const ControlGroupParent& parent, pid_t pid);

// Once the process is gone: removes its group (what it started may live on in it: then it stays). True if the kernel
// killed anything in it for lack of memory; false too if there is no such group.
bool end_memory_group(const ControlGroupParent& parent, pid_t pid);

// Removes all groups that nobody is in.
void sweep_control_groups(const ControlGroupParent& parent);

}  // namespace slicemill
