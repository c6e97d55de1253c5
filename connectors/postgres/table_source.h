// What postgres_reader reads, as SQL: a table or a query, its columns, its key, and ranges of the key. The slicer cuts
// by it and the reader reads by it, so the two agree. Pure, but for describe().
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/postgres/session.h"
#include "core/runtime/json.h"
#include "core/runtime/result.h"

namespace slicemill::postgres {

// Options of the reader.
struct SourceOptions {
  std::string table;                // as written; "" if there is a query
  std::string query;                // without a semicolon at its end
  std::string where;                // "": every row
  std::vector<std::string> fields;  // empty: every column
  std::vector<std::string> key;     // empty: the primary key, if there is one
  std::int64_t size = 0;            // rows of a slice
  bool snapshot = false;
  bool waits = false;  // for a server that cannot be reached

  // invalid: begins with the option's name.
  static Result<SourceOptions> from(const Json& options);
  // What stands behind FROM. Of valid options.
  std::string from_clause() const;
};

// A value of each column of the key, as text.
using KeyValue = std::vector<std::string>;

struct Key {
  std::vector<std::string> columns;
  std::vector<std::string> types;  // names that values are cast to
};

// One slice's rows: from <= key < to, or <= to if it is the last; nothing: without that bound. Without a key: all.
//   request := {"key":[name...],"types":[type...]["from":[text...]]["to":[text...]]["last":true]["nulls":true]
//               ["snapshot":id]}
struct KeyRange {
  Key key;
  std::optional<KeyValue> from;
  std::optional<KeyValue> to;
  bool is_last = false;   // `to` belongs to it
  bool is_nulls = false;  // the rows whose key is NULL instead, or has a NULL in it
  std::string snapshot;   // "": as each slice finds the table

  std::string to_text() const;
  // invalid: it does not parse.
  static Result<KeyRange> from_text(std::string_view text);
  // The condition, with `where` of the options.
  std::string condition(const SourceOptions& options) const;
};

std::string key_list(const Key& key);  // "a", "b"
std::string order_by(const Key& key, bool descending = false);
// ("a", "b") >= ('1'::bigint, 'x'::text)
std::string comparison(const Key& key, std::string_view relation, const KeyValue& value);
// Every column of the key has a value.
std::string key_is_there(const Key& key);

// The columns that are read, in order. invalid: a table, column or type that is not there, names those that are; a name
// that two columns of a query have.
Result<std::vector<ColumnFacts>> describe_columns(Session& session, const SourceOptions& options);
// The key with its types; without columns if there is none: then everything is one slice.
Result<Key> find_key(Session& session, const SourceOptions& options);

// BEGIN of a transaction that only reads: one's own snapshot, or that of another session; sees one state of all tables.
Result<void> begin_reading(Session& session, const std::string& snapshot);

}  // namespace slicemill::postgres
