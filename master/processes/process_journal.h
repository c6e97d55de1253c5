// Which processes live, as the registry will know it: a note that cannot be written is kept and written again, so that
// a later master finds every process that this one started. Owner: the master; loop thread.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "core/runtime/loop.h"
#include "master/registry/registry.h"

namespace slicemill::master {

class ProcessJournal {
 public:
  ProcessJournal(Loop& loop, Registry& registry) : loop_(loop), registry_(registry) {}

  void started(const ProcessRow& process);
  void gone(const ProcessIdentity& process);
  // Runs `task` once what was noted so far is durable, or could not be written: possibly from within this call.
  void when_written(std::function<void()> task);

 private:
  void tell();

  void write();
  void written(RegistryBatch batch, const Result<void>& result);

  Loop& loop_;
  Registry& registry_;
  RegistryBatch waiting_;
  bool writing_ = false;
  std::vector<std::function<void()>> afters_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace slicemill::master
