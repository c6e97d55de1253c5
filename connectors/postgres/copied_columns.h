// The columns that a COPY gives, and how the bytes of each become JSON.
#pragma once

#include <string>
#include <vector>

#include "connectors/postgres/session.h"
#include "core/runtime/result.h"

namespace slicemill::postgres {

// How the bytes of a value become JSON.
enum class Decoding {
  text,  // of its own, or cast to text by the server
  boolean,
  int2,
  int4,
  int8,
  oid,
  float4,
  float8,
  numeric,
  uuid,
  json,
  jsonb,
  bytea,
  date,
  time,
  timetz,
  timestamp,
  timestamptz,
  array,
};

struct CopiedColumn {
  std::string name;
  std::string expression;  // in SQL: the column, or its text or JSON
  Decoding decoding = Decoding::text;
  Decoding element = Decoding::text;  // of an array
};

// What must be asked for so that decoding can take it. Asks the server about types that are not built in.
Result<std::vector<CopiedColumn>> plan_columns(Session& session, const std::vector<ColumnFacts>& columns);
// "a", "b"::text, ...
std::string select_list(const std::vector<CopiedColumn>& columns);

}  // namespace slicemill::postgres
