// WHICH LEDGER AN EXECUTION BEGINS WITH: the one that an earlier controller left, one that goes on from another
// execution, or a new one; and whether the job can go on with it.
#pragma once

#include <memory>

#include "core/ledger/slice_ledger.h"
#include "core/model/launch.h"
#include "core/runtime/loop.h"

namespace slicemill::controller {

struct ExecutionLedger {
  std::unique_ptr<SliceLedger> ledger;
  bool resumed = false;  // it was there before: a restart, or a local resume
};

// gone: it was made before and is not there. invalid, with the reason: the job does not fit what the execution that it
// recovers has written. Others: see open_ledger and recover_ledger.
Result<ExecutionLedger> open_execution_ledger(Loop& loop, LedgerStore& ledgers, const ControllerLaunch& launch);

}  // namespace slicemill::controller
