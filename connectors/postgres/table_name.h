// The name of a table as a job writes it. Pure.
#pragma once

#include <string>
#include <string_view>

#include "core/runtime/result.h"

namespace slicemill::postgres {

struct TableName {
  std::string schema;  // "": as the search path says
  std::string table;

  // table := name ["." name]     name := characters without dots | '"' characters, '""' for '"' '"'
  // invalid: begins with "table: ".
  static Result<TableName> parse(std::string_view text);
  // In SQL.
  std::string quoted() const;
};

}  // namespace slicemill::postgres
