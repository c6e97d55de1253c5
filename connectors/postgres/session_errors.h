// What errors of libpq mean to us: by SQLSTATE, as texts are in the server's language. Pure.
#pragma once

#include <string_view>

#include "connectors/postgres/libpq.h"
#include "core/runtime/result.h"

namespace slicemill::postgres {

// Of a connection that was not made, or is lost, in the library's verbose form.
Error connection_error(std::string_view message);
// Of a statement.
Error statement_error(const Libpq& pq, const PGresult* result);

}  // namespace slicemill::postgres
