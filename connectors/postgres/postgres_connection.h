// The connection type `postgres`.
#pragma once

#include "connectors/connection_types.h"

namespace slicemill {

inline constexpr const char* kPostgres = "postgres";

ConnectionType postgres_connection_type();

}  // namespace slicemill
