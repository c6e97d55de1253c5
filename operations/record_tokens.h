// The records of a batch as JSON values, for operations that look for fields: what the reader found out while it
// checked its lines is used again, and records that were made since are looked at together.
#pragma once

#include <optional>

#include "core/formats/json_tokens.h"
#include "operations/operation.h"

namespace slicemill {

// One walk over the records of a batch, from the first to the last. Requires: records that were not asked for yet have
// not been changed.
class RecordTokens {
 public:
  RecordTokens(RecordBatch& batch, JsonIndexer& indexer) : batch_(batch), indexer_(indexer) {}

  // Record number i, if it is an object. Requires: i rises. The value holds until the next call.
  std::optional<JsonValue> object(std::size_t i) {
    const std::string_view record = batch_.records[i];
    if (!find(record)) {
      indexer_.index(std::span(batch_.records).subspan(i), batch_.tokens);
      find(record);
    }
    const JsonTokens::Text& text = batch_.tokens.texts()[entry_];
    if (!text.is_good) return std::nullopt;
    const JsonValue value = batch_.tokens.value(text);
    return value.is_object() ? std::optional(value) : std::nullopt;
  }

 private:
  // Entries are in the order of records; those of records that are gone lie between.
  bool find(std::string_view record) {
    const auto texts = batch_.tokens.texts();
    while (entry_ < texts.size()) {
      if (texts[entry_].data == record.data() && texts[entry_].size == record.size()) return true;
      ++entry_;
    }
    return false;
  }

  RecordBatch& batch_;
  JsonIndexer& indexer_;
  std::size_t entry_ = 0;
};

// Why a record is not an object that can be worked on: the byte where it stops being JSON, or what it is instead.
Error not_an_object(std::string_view record);

// Runs edit(record, object) on every record: a view replaces it, an error goes to the rejecter, as does a record that
// is not an object.
template <typename Edit>
Result<void> edit_objects(RecordBatch& batch, JsonIndexer& indexer, RecordRejecter& rejecter, Edit edit) {
  RecordTokens tokens(batch, indexer);
  RecordKeeper keeper(batch);
  for (std::size_t i = 0; i < batch.records.size(); ++i) {
    const std::string_view record = batch.records[i];
    const auto object = tokens.object(i);
    const Result<std::string_view> edited = object ? edit(record, *object) : not_an_object(record);
    if (!edited) {
      RETURN_IF_ERROR(rejecter.reject(batch, i, edited.error()));
      continue;
    }
    keeper.keep(i, *edited);
  }
  keeper.end();
  return {};
}

}  // namespace slicemill
