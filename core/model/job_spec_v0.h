// The form in which the first version kept a job: the resolved document of the dialect that it was made for. Registries
// and ledgers of that version hold it, so it is read for ever; nothing writes it. Pure, any thread.
#pragma once

#include "core/model/job_spec.h"
#include "core/runtime/json.h"

namespace slicemill {

// Whether these operations are of that form. A user's document may have a member "version" of its own.
bool is_job_spec_v0(const Json& operations);

// Throws nlohmann::json::exception where a member is of another type. Members of operations whose names begin with an
// underscore are the dialect's.
JobSpec job_spec_of_v0(const Json& document);
OperationSpec operation_spec_of_v0(const Json& operation);

}  // namespace slicemill
