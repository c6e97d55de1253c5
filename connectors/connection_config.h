// From `connections` of the configuration file to a book of connections.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/model/connections.h"
#include "core/runtime/json.h"
#include "core/runtime/result.h"

namespace slicemill {

struct ConfiguredConnections {
  ConnectionBook book;
  std::vector<std::string> warnings;  // one line each
};

// given: the value of `connections`; null: there are none. file: where it stands, for errors, and relative paths start
// at its directory. Variables that hold secrets are taken out of the environment, so that no child has them: call it
// before there is a second thread, once. invalid: names the file, the connection and the setting; values are not shown.
Result<ConfiguredConnections> read_connections(const Json& given, const std::string& file);

}  // namespace slicemill
