#include "connectors/postgres/row_batches.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "core/runtime/text.h"

namespace slicemill::postgres {
namespace {

constexpr char kHas = '1', kHasNot = '0';

}  // namespace

RowBatches::RowBatches(TargetTable table, const TargetOptions& options)
    : table_(std::move(table)),
      upserts_(options.upserts),
      ignores_unknown_(options.ignores_unknown),
      key_(options.key) {
  for (const TargetColumn& column : table_.columns) {
    numbers_.emplace(column.name, keys_.size());
    keys_.emplace_back(column.name);
  }
  if (upserts_)
    for (const std::string& name : key_)
      if (const auto found = numbers_.find(name); found != numbers_.end()) key_columns_.push_back(found->second);
  values_.resize(keys_.size());
}

std::size_t RowBatches::column_of(const JsonName& name) {
  if (next_ < keys_.size() && name.is(keys_[next_])) return next_++;
  const auto found = numbers_.find(name.text());
  if (found == numbers_.end()) return keys_.size();
  next_ = found->second + 1;
  return found->second;
}

Result<void> RowBatches::add(const JsonValue& object, std::size_t record) {
  next_ = 0;
  std::ranges::fill(values_, std::nullopt);
  std::optional<Error> problem;
  object.visit_members([&](const JsonName& name, const JsonValue& value) {
    const std::size_t column = column_of(name);
    if (column < keys_.size() && !table_.columns[column].is_generated) {
      values_[column] = value;  // of repeated names the last one
    } else if (!ignores_unknown_ && !problem) {
      problem = Error(
          ErrorCode::invalid,
          column < keys_.size()
              ? fmt::format("field \"{}\": the database computes this column of {}", name.text(), table_.name.quoted())
              : fmt::format("field \"{}\" has no column in {}", name.text(), table_.name.quoted()),
          false);
    }
  });
  if (problem) return *problem;
  for (const std::size_t column : key_columns_)
    if (!values_[column] || values_[column]->bytes() == "null")
      return Error(ErrorCode::invalid,
                   fmt::format("field \"{}\" is a part of the key, and the record does not have it",
                               table_.columns[column].name),
                   false);
  shape_.assign(keys_.size(), kHas);
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    const TargetColumn& column = table_.columns[i];
    const bool may_be_missing = upserts_ || column.has_default;
    if (column.is_generated || (!values_[i] && may_be_missing)) shape_[i] = kHasNot;
  }
  Batch& batch = batch_for(shape_);
  if (batch.columns.empty())
    return Error(ErrorCode::invalid,
                 fmt::format("the record has no field that is a column of {}", table_.name.quoted()), false);
  const std::size_t begin = batch.text.size();
  for (std::size_t i = 0; i < batch.columns.size(); ++i) {
    if (i > 0) batch.text += '\t';
    const auto& value = values_[batch.columns[i]];
    if (!value) {
      CopyEncoder::append_null(batch.text);
    } else if (auto appended = encoder_.append(batch.text, table_.columns[batch.columns[i]], *value); !appended) {
      batch.text.resize(begin);
      return appended;
    }
  }
  batch.text += '\n';
  batch.ends.push_back(batch.text.size());
  batch.records.push_back(record);
  bytes_ += batch.text.size() - begin;
  return {};
}

RowBatches::Batch& RowBatches::batch_for(const std::string& shape) {
  if (!batches_.empty() && batches_.back().shape == shape) return batches_.back();
  if (!upserts_) {
    const auto found = std::ranges::find(batches_, shape, &Batch::shape);
    if (found != batches_.end()) return *found;
  }
  Batch& batch = batches_.emplace_back();
  batch.shape = shape;
  for (std::size_t i = 0; i < shape.size(); ++i)
    if (shape[i] == kHas) batch.columns.push_back(i);
  return batch;
}

// The memory of the usual shape is used again.
void RowBatches::clear() {
  if (batches_.size() > 1) batches_.resize(1);
  for (Batch& batch : batches_) {
    batch.text.clear();
    batch.ends.clear();
    batch.records.clear();
  }
  bytes_ = 0;
}

void RowBatches::remove(Batch& batch, std::size_t line) {
  const std::size_t begin = line == 0 ? 0 : batch.ends[line - 1];
  const std::size_t size = batch.ends[line] - begin;
  batch.text.erase(begin, size);
  batch.ends.erase(batch.ends.begin() + static_cast<std::ptrdiff_t>(line));
  batch.records.erase(batch.records.begin() + static_cast<std::ptrdiff_t>(line));
  for (std::size_t i = line; i < batch.ends.size(); ++i) batch.ends[i] -= size;
}

std::vector<std::string> RowBatches::names(const Batch& batch) const {
  std::vector<std::string> all;
  for (const std::size_t column : batch.columns) all.push_back(quoted_name(table_.columns[column].name));
  return all;
}

std::string RowBatches::copy_into(const std::string& table, const Batch& batch) const {
  return fmt::format("COPY {} ({}) FROM STDIN", table, join(names(batch), ", "));
}

// Rows in the order of the key: two transactions that write the same rows wait for each other, instead of for ever.
std::string RowBatches::upsert_from(const std::string& table, const Batch& batch) const {
  const std::vector<std::string> columns = names(batch);
  std::vector<std::string> key, updates;
  for (const std::string& name : key_) key.push_back(quoted_name(name));
  bool is_always_identity = false;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    is_always_identity = is_always_identity || table_.columns[batch.columns[i]].is_always_identity;
    if (std::ranges::find(key, columns[i]) == key.end())
      updates.push_back(fmt::format("{0} = excluded.{0}", columns[i]));
  }
  const std::string key_names = join(key, ", ");
  const std::string action = updates.empty() ? "NOTHING" : "UPDATE SET " + join(updates, ", ");
  return fmt::format(
      "INSERT INTO {0} ({1}) {2} SELECT {1} FROM (SELECT DISTINCT ON ({3}) * FROM {4} ORDER BY {3}, "
      "slicemill_n DESC) AS s ORDER BY {3} ON CONFLICT ({3}) DO {5}",
      table_.name.quoted(), join(columns, ", "), is_always_identity ? "OVERRIDING SYSTEM VALUE" : "", key_names, table,
      action);
}

}  // namespace slicemill::postgres
