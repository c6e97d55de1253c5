// A process's log while it grows: the body of an answer that ends when the execution has ended.
#pragma once

#include <memory>

#include "api/http/message.h"
#include "core/model/commands.h"

namespace slicemill::api::teraslice {

// begun: what was read first, from where it goes on. The service outlives it.
std::shared_ptr<BodySource> follow_log(JobService& service, const ExecutionId& id, LogQuery query, LogPart begun);

}  // namespace slicemill::api::teraslice
