// JSON Schemas (2020-12) of the bodies that this dialect takes and answers, by the names that route_docs.h uses. Pure,
// any thread.
#pragma once

#include "core/runtime/json.h"

namespace slicemill::api::teraslice {

// An object of name -> schema; they refer to each other as #/components/schemas/NAME.
Json document_schemas();

}  // namespace slicemill::api::teraslice
