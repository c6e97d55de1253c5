// A stored job without what may be large in it. Pure, any thread.
#pragma once

#include <string_view>

#include "core/model/job_spec.h"
#include "core/runtime/result.h"

namespace slicemill {

// The job of this text (parse_job_spec), of a large one without operations, parameters and redriven records: what its
// processes are started with is all there.
Result<JobSpec> parse_job_settings(std::string_view text);

}  // namespace slicemill
