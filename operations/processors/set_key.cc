#include "operations/processors/set_key.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/formats/json_scan.h"
#include "operations/json_record.h"
#include "operations/known_fields.h"
#include "operations/record_tokens.h"

namespace slicemill {
namespace {

class SetKey final : public Processor {
 public:
  Result<void> initialize(const OperationContext& context) override {
    rejecter_ = RecordRejecter(context);
    ASSIGN_OR_RETURN(field_, FieldPath::parse(context.operation.options.value("field", std::string("_key"))));
    absent_ = absent_field(context, field_);
    return {};
  }

  Result<void> process(RecordBatch& batch) override {
    if (!batch.records.empty()) absent_.make();
    batch.begin_metadata();
    RecordTokens tokens(batch, indexer_);
    RecordKeeper keeper(batch);
    for (std::size_t i = 0; i < batch.records.size(); ++i) {
      const auto object = tokens.object(i);
      const auto key = object ? key_of(batch, *object) : Result<std::string_view>(not_an_object(batch.records[i]));
      if (!key) {
        RETURN_IF_ERROR(rejecter_.reject(batch, i, key.error()));
        continue;
      }
      batch.metadata[i].key = *key;
      keeper.keep(i, batch.records[i]);
    }
    keeper.end();
    return {};
  }
  void change_columns(std::vector<std::string>&) const override {}

 private:
  Result<std::string_view> key_of(RecordBatch& batch, const JsonValue& object) {
    find_fields(object, field_, found_);
    if (!found_.values.empty()) absent_.refute();
    if (found_.is_list || found_.values.size() != 1) return std::string_view();
    const std::string_view json = found_.values[0].bytes();
    const bool is_number = json.front() == '-' || (json.front() >= '0' && json.front() <= '9');
    if (is_number) return json;
    if (json.front() != '"') return std::string_view();
    const std::string_view inside = json.substr(1, json.size() - 2);
    if (inside.find('\\') == std::string_view::npos) return inside;
    text_.clear();
    if (append_unescaped(inside, text_))
      return Error(ErrorCode::invalid,
                   fmt::format("the field `{}`, which is to be the key, holds half of a surrogate pair, which is no "
                               "character",
                               field_.text()),
                   false);
    return batch.copy(text_);
  }

  JsonIndexer indexer_;
  RecordRejecter rejecter_;
  FieldPath field_;
  OperationRemark absent_;
  FoundFields found_;
  std::string text_;
};

}  // namespace

OperationEntry set_key_operation() {
  OperationSchema schema;
  schema.name = "set_key";
  schema.kind = OperationKind::processor;
  schema.description =
      "Takes the value of a field for the key of the record, which `key_router` and `hash_router` use; the record "
      "stays "
      "as it is. Texts and numbers are keys: a record with another value, or without the field, has none.";
  schema.options = {{.name = "field",
                     .type = OptionType::text,
                     .description = "The field, as a path such as `user.id`.",
                     .default_value = "_key"}};
  schema.sets_key = true;
  schema.check = [](const Json& options) { return check_field_option(options, "field"); };
  schema.check_place = [](const Json& options, std::span<const OperationSpec> before) {
    return absent_field_warning(options, "field", before);
  };
  return {std::move(schema), [] { return std::make_unique<SetKey>(); }};
}

}  // namespace slicemill
