// What postgres_sender writes to: a table, its columns, its key, and how the table is made. The worker writes by it and
// the controller judges by it.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "connectors/postgres/session.h"
#include "connectors/postgres/table_name.h"
#include "core/runtime/json.h"
#include "core/runtime/result.h"

namespace slicemill::postgres {

// Options of the sender.
struct TargetOptions {
  TableName table;
  bool upserts = false;
  std::vector<std::string> key;  // of an upsert, or of a table that is made
  bool creates_table = false;
  std::vector<std::pair<std::string, std::string>> columns;  // names and types of a table that is made
  bool ignores_unknown = false;                              // fields without a column
  bool waits = false;                                        // for a server that cannot be reached

  // invalid: begins with the option's name.
  static Result<TargetOptions> from(const Json& options);
};

// How the value of a JSON field is written into a column.
enum class Encoding : std::uint8_t {
  plain,   // as the text that stands for it
  text,    // the same, and objects and arrays as JSON
  json,    // as JSON
  bytes,   // from base64
  moment,  // dates: years in the form of ISO 8601
  array,   // from a JSON array, of `element`
  opaque,  // only what is text already
};

struct TargetColumn {
  std::string name;
  std::string type;  // for people
  Encoding encoding = Encoding::plain;
  Encoding element = Encoding::plain;
  bool has_default = false;
  bool is_generated = false;
  bool is_always_identity = false;
};

struct TargetTable {
  TableName name;  // with its schema
  std::vector<TargetColumn> columns;
};

// The schema that the table is in, or would be made in. invalid: there is no such schema.
Result<std::string> schema_of(Session& session, const TableName& table);
// Nothing: there is no such table.
Result<std::optional<TargetTable>> describe_target(Session& session, const TargetOptions& options);
// What can be said before the first row is written: columns of the options that the table does not have, a key that is
// not unique, missing permission.
Result<void> check_target(Session& session, const TargetOptions& options, const TargetTable& table);
Error no_such_table(const TargetOptions& options);

// Makes the table unless it is there, with a primary key if there is a key. Whoever else makes it at the same time
// waits.
Result<void> create_target(Session& session, const TargetOptions& options,
                           const std::vector<std::pair<std::string, std::string>>& columns);

// Types of columns that take all values they were shown: of a table that is made from its first records.
class ColumnTypes {
 public:
  // The value's JSON text.
  void see(std::string_view name, std::string_view value);
  std::vector<std::pair<std::string, std::string>> columns() const;

 private:
  enum Kind : std::uint8_t { none = 0, boolean = 1, integer = 2, number = 4, text = 8, container = 16 };
  struct Column {
    std::string name;
    std::uint8_t kinds = none;
  };
  std::vector<Column> columns_;
  std::size_t next_ = 0;  // where the next name is looked for first
};

// A lock for the making of tables and for fences, by what it is for.
std::int64_t lock_number(std::string_view of);

}  // namespace slicemill::postgres
