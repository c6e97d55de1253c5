// A control group that limits the memory of one process and of all that it starts together (the kernel's memory
// controller, version 1 or 2: see "cgroup-v1/memory" and "cgroup-v2" in its administrator's guide). When they need
// more, the kernel kills one of them.
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
struct MemoryGroupParent {
  enum class Version { v1, v2 };
  std::string directory;
  Version version = Version::v2;
  bool operator==(const MemoryGroupParent&) const = default;
};

// From the texts of /proc/self/mountinfo and /proc/self/cgroup; nothing if no memory controller is mounted. Version 1:
// the process's own group. Version 2: the one above it, since a group of version 2 has either processes or limited
// groups in it.
std::optional<MemoryGroupParent> find_memory_group_parent(std::string_view mountinfo, std::string_view own_groups);
// Of this process.
std::optional<MemoryGroupParent> find_memory_group_parent();

// Makes this process's group, with that limit on memory and swap together, and moves the process into it. An error, and
// nothing done, where the machine does not allow it.
Result<void> enter_memory_group(const MemoryGroupParent& parent, std::uint64_t bytes);

// Once the process is gone: removes its group (what it started may live on in it: then it stays). True if the kernel
// killed anything in it for lack of memory; false too if there is no such group.
bool end_memory_group(const MemoryGroupParent& parent, pid_t pid);

// Removes all groups that nobody is in.
void sweep_memory_groups(const MemoryGroupParent& parent);

}  // namespace slicemill
