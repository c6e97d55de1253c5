// The jobs of this master as Amp's admin API shows them: docs/amp.md. Jobs come from other dialects; here they are
// listed, watched, stopped, resumed and deleted.
#pragma once

#include <string>

#include "api/http/router.h"
#include "core/model/commands.h"
#include "core/model/job_views.h"

namespace slicemill::api::amp {

// The services outlive the dialect. prefix: "" where it has a listener of its own.
Dialect dialect(JobService& service, JobViews& views, std::string prefix);

}  // namespace slicemill::api::amp
