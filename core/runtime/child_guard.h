// Ends what children started, should this process die without a chance to do so itself.
//
// A small process that is forked off at first use and waits at a pipe. When this process is gone, whatever ended it,
// the pipe closes, and the groups that were begun and not ended get SIGKILL. It costs nothing while it waits.
#pragma once

#include <sys/types.h>

namespace slicemill {

// The descriptor to which the leader of a new group writes its own pid (one write of a pid_t), so that the group is
// known before its program begins. Closed on exec. -1: there is no guard, as the system had no room for it. Any thread.
int child_guard();
// The group has ended, or is about to be reaped: its number may be given to others. Any thread.
void guard_forgets(pid_t group);

}  // namespace slicemill
