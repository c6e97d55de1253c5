// JSON Schema of a whole job: for editors, and for whoever checks jobs without this program.
#pragma once

#include "core/model/operation_schema.h"
#include "core/runtime/json.h"

namespace slicemill::api::teraslice {

// Draft 2020-12. Every operation of the catalog has its options, which count where `_op` names it. Narrower than
// validation, which takes "10" for 10 and keeps unknown fields with a warning: here both are errors, as an editor
// should show them. Names that begin with an underscore, and operations of bundles ("name@bundle"), are left alone.
Json job_json_schema(const OperationCatalog& catalog);

}  // namespace slicemill::api::teraslice
