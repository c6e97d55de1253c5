// The connection type `postgres`.
#pragma once

#include "connectors/connection_types.h"
#include "core/model/operation_schema.h"

namespace slicemill {

inline constexpr const char* kPostgres = "postgres";

ConnectionType postgres_connection_type();
// Of readers and senders alike: what happens while the server cannot be reached.
OptionSpec on_unavailable_option();

}  // namespace slicemill
