// Rows of a slice on their way into a table: as text of COPY, in batches of one shape, which is the list of columns
// that a COPY is told. One thread.
//
// In an insert, a column that a record does not have is NULL, or has its default: then it is missing in the shape. In
// an upsert, every column that a record does not have is missing in it, so that a row that is there keeps its value;
// and batches follow each other in the order of the records, since a later record of a key goes before an earlier one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "connectors/postgres/copy_encoder.h"
#include "connectors/postgres/target_table.h"
#include "core/formats/json_tokens.h"
#include "core/runtime/result.h"

namespace slicemill::postgres {

class RowBatches {
 public:
  struct Batch {
    std::vector<std::size_t> columns;  // of the table
    std::string text;                  // a line for each row
    std::vector<std::size_t> ends;     // of the lines
    std::vector<std::size_t> records;  // which record each line is
    std::string shape;
  };

  RowBatches(TargetTable table, const TargetOptions& options);

  // The record becomes a row. invalid: names the field; nothing was added.
  Result<void> add(const JsonValue& object, std::size_t record);
  std::vector<Batch>& batches() { return batches_; }
  std::size_t bytes() const { return bytes_; }
  void clear();
  // Takes a line out of a batch.
  static void remove(Batch& batch, std::size_t line);

  const TargetTable& table() const { return table_; }
  // Those of a batch, in SQL.
  std::vector<std::string> names(const Batch& batch) const;
  // COPY of the batch into this table, in SQL.
  std::string copy_into(const std::string& table, const Batch& batch) const;
  // From a table with the columns of the batch, and slicemill_n, by which later rows are known.
  std::string upsert_from(const std::string& table, const Batch& batch) const;

 private:
  // Number of the column; columns_.size(): there is none.
  std::size_t column_of(const JsonName& name);
  Batch& batch_for(const std::string& shape);

  // 13 members, since buffers are kept from record to record.
  const TargetTable table_;
  const bool upserts_;
  const bool ignores_unknown_;
  std::vector<std::string> key_;
  std::vector<JsonKey> keys_;  // names of the columns
  std::unordered_map<std::string, std::size_t> numbers_;
  std::vector<std::size_t> key_columns_;
  std::size_t next_ = 0;                          // where the next name is looked for first: records are often alike
  std::vector<std::optional<JsonValue>> values_;  // of the record, by column
  std::string shape_;
  CopyEncoder encoder_;
  std::vector<Batch> batches_;
  std::size_t bytes_ = 0;
};

}  // namespace slicemill::postgres
