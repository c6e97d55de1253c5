// Which processes live, as the registry will know it: a note that cannot be written is kept and written again, so that
// a later master finds every process that this one started. Owner: the master; loop thread.
#pragma once

#include <memory>

#include "core/runtime/loop.h"
#include "master/registry.h"

namespace slicemill::master {

class ProcessNotes {
 public:
  ProcessNotes(Loop& loop, Registry& registry) : loop_(loop), registry_(registry) {}

  void started(const ProcessRow& process);
  void gone(const ProcessIdentity& process);

 private:
  void write();
  void written(RegistryBatch batch, const Result<void>& result);

  Loop& loop_;
  Registry& registry_;
  RegistryBatch waiting_;
  bool writing_ = false;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace slicemill::master
