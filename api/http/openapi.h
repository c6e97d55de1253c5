// The OpenAPI 3.1 document of everything that a router has mounted.
//
// Loop thread.
#pragma once

#include <string>
#include <string_view>

#include "api/http/router.h"
#include "core/runtime/json.h"

namespace slicemill::api {

// All routes with their descriptions, and the schemas of their dialects. A row that answers below several prefixes
// stands below the last one. `version` is that of the program.
Json openapi_document(const Router& router, std::string_view version);

// Serves the document at /openapi.json and /v1/openapi.json. It is made at the first request; the router outlives the
// dialect and has everything mounted by then.
Dialect openapi_dialect(const Router& router, std::string version);

}  // namespace slicemill::api
