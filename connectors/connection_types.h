// THE LIST OF CONNECTION TYPES: what a connection of each consists of, and how one is tried. Pure but for `test`.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/model/connections.h"
#include "core/model/operation_schema.h"
#include "core/runtime/result.h"

namespace slicemill {

struct ConnectionType {
  std::string name;
  std::string description;
  std::vector<OptionSpec> settings;  // without secrets
  // Each may also come from a file, a variable or a command: `password`, `password_file`, `password_env`,
  // `password_command`.
  struct Secret {
    std::string name, description;
  };
  std::vector<Secret> secrets;
  // Judges settings that are well-typed, moves what is secret in them to `secrets`, and says what they lead to. The
  // error begins with the setting's name and holds no value of a setting.
  std::function<Result<void>(ConfiguredConnection& connection)> check;
  // Really connects: what answers, in one line. Blocks, at most for about the connection's own time limit.
  std::function<Result<std::string>(const Connection& connection)> test;
};

// A NEW TYPE: its include and its line in connection_types.cc.
const std::vector<ConnectionType>& connection_types();
// nullptr: no such type.
const ConnectionType* find_connection_type(std::string_view name);

// The tables of docs/connections.md.
std::string render_connection_types();

}  // namespace slicemill
