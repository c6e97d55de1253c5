// Threads where there may be no room for another one: a limit of the user (ulimit -u) or of the container is an
// obstacle (Error::obstacle), and never ends the process.
#pragma once

#include <functional>
#include <string>
#include <thread>

#include "core/runtime/result.h"

namespace slicemill {

// Makes `thread`, which is none yet, run `run`. `name` is what the process list shows, cut at 15 bytes. Any thread.
Result<void> start_thread(std::thread& thread, const std::string& name, std::function<void()> run);

// Whether so many more threads can be made now: all of them are made and end again. For libraries that abort, or throw
// where nobody can catch, when they get no thread. Any thread.
Result<void> try_threads(int count);

// Limits are inherited at the start of a process, and one of processes and threads may be lifted later for whoever
// started this one: takes over the parent's, as far as ours may be raised. False: it is no higher. Any thread.
bool follow_process_limit_of_parent();

}  // namespace slicemill
