#include "operations/processors/field_edits.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "operations/json_record.h"
#include "operations/known_fields.h"
#include "operations/record_tokens.h"

namespace slicemill {
namespace {

Result<FieldPath> path_option(const OperationContext& context, const char* name) {
  return FieldPath::parse(context.operation.options.at(name).get_ref<const std::string&>());
}

bool has_column(const std::vector<std::string>& columns, const FieldPath& field) {
  return std::find(columns.begin(), columns.end(), field.whole_name()) != columns.end();
}

void drop_column(std::vector<std::string>& columns, const FieldPath& field) {
  std::erase(columns, field.whole_name());
}

class SetField final : public Processor {
 public:
  Result<void> initialize(const OperationContext& context) override {
    rejecter_ = RecordRejecter(context);
    ASSIGN_OR_RETURN(field_, path_option(context, "field"));
    json_ = to_compact_text(context.operation.options.at("value"));
    overwrite_ = context.operation.options.value("overwrite", false);
    return {};
  }
  Result<void> process(RecordBatch& batch) override {
    return edit_objects(batch, indexer_, rejecter_, [&](std::string_view record, const JsonValue& object) {
      return editor_.set(batch, record, object, field_, json_, overwrite_);
    });
  }
  void change_columns(std::vector<std::string>&) const override {}

 private:
  JsonIndexer indexer_;
  RecordEditor editor_;
  RecordRejecter rejecter_;
  FieldPath field_;
  std::string json_;
  bool overwrite_ = false;
};

class DropField final : public Processor {
 public:
  explicit DropField(const char* option) : option_(option) {}
  Result<void> initialize(const OperationContext& context) override {
    rejecter_ = RecordRejecter(context);
    ASSIGN_OR_RETURN(field_, path_option(context, option_));
    absent_ = absent_field(context, field_);
    return {};
  }
  Result<void> process(RecordBatch& batch) override {
    if (!batch.records.empty()) absent_.make();
    return edit_objects(batch, indexer_, rejecter_,
                        [&](std::string_view record, const JsonValue& object) -> Result<std::string_view> {
                          const std::string_view edited = editor_.drop(batch, record, object, field_);
                          if (edited.data() != record.data()) absent_.refute();
                          return edited;
                        });
  }
  void change_columns(std::vector<std::string>& columns) const override { drop_column(columns, field_); }

 private:
  const char* option_;  // that names the field
  JsonIndexer indexer_;
  RecordEditor editor_;
  RecordRejecter rejecter_;
  FieldPath field_;
  OperationRemark absent_;
};

class CopyField final : public Processor {
 public:
  Result<void> initialize(const OperationContext& context) override {
    rejecter_ = RecordRejecter(context);
    ASSIGN_OR_RETURN(source_, path_option(context, "source"));
    ASSIGN_OR_RETURN(destination_, path_option(context, "destination"));
    absent_ = absent_field(context, source_);
    delete_source_ = context.operation.options.value("delete_source", false);
    return {};
  }
  Result<void> process(RecordBatch& batch) override {
    if (!batch.records.empty()) absent_.make();
    return edit_objects(batch, indexer_, rejecter_,
                        [&](std::string_view record, const JsonValue& object) { return copy(batch, record, object); });
  }
  void change_columns(std::vector<std::string>& columns) const override {
    const bool has_source = has_column(columns, source_);
    if (delete_source_) drop_column(columns, source_);
    if (has_source && destination_.segments().size() == 1 && !has_column(columns, destination_))
      columns.push_back(destination_.whole_name());
  }

 private:
  Result<std::string_view> copy(RecordBatch& batch, std::string_view record, const JsonValue& object) {
    const auto json = editor_.get(batch, object, source_);
    if (!json) return record;
    absent_.refute();
    if (!delete_source_) return editor_.set(batch, record, object, destination_, *json, true);
    // The copied bytes stay where they are, so they outlive the record without its source.
    const std::string_view edited = editor_.drop(batch, record, object, source_);
    return editor_.set(batch, edited, editor_.value_of(edited), destination_, *json, true);
  }

  JsonIndexer indexer_;
  RecordEditor editor_;
  RecordRejecter rejecter_;
  FieldPath source_, destination_;
  OperationRemark absent_;
  bool delete_source_ = false;
};

OptionSpec path_spec(std::string name, std::string description) {
  return {.name = std::move(name), .type = OptionType::text, .description = std::move(description), .required = true};
}

}  // namespace

OperationEntry set_field_operation() {
  OperationSchema schema;
  schema.name = "set_field";
  schema.kind = OperationKind::processor;
  schema.description = "Sets a field of each record to a fixed value. Missing objects on the way are made.";
  schema.options = {
      path_spec("field", "The field to set, as a path such as `http.status`."),
      {.name = "value", .type = OptionType::any, .description = "The value: any JSON, also null.", .required = true},
      {.name = "overwrite",
       .type = OptionType::boolean,
       .description = "Replaces the value of a field that exists already.",
       .default_value = false},
  };
  schema.check = [](const Json& options) { return check_field_option(options, "field"); };
  return {std::move(schema), [] { return std::make_unique<SetField>(); }};
}

OperationEntry drop_field_operation() {
  OperationSchema schema;
  schema.name = "drop_field";
  schema.kind = OperationKind::processor;
  schema.description = "Removes a field from each record that has it, all members of its name.";
  schema.options = {path_spec("field", "The field to remove, as a path such as `http.status`.")};
  schema.check = [](const Json& options) { return check_field_option(options, "field"); };
  schema.check_place = [](const Json& options, std::span<const OperationSpec> before) {
    return absent_field_warning(options, "field", before);
  };
  return {std::move(schema), [] { return std::make_unique<DropField>("field"); }};
}

OperationEntry drop_property_operation() {
  OperationSchema schema;
  schema.name = "drop_property";
  schema.kind = OperationKind::processor;
  schema.description = "Removes a field from each record that has it: `drop_field` as example bundles name it.";
  schema.options = {path_spec("property", "The field to remove, as a path such as `http.status`.")};
  schema.check = [](const Json& options) { return check_field_option(options, "property"); };
  schema.check_place = [](const Json& options, std::span<const OperationSpec> before) {
    return absent_field_warning(options, "property", before);
  };
  return {std::move(schema), [] { return std::make_unique<DropField>("property"); }};
}

OperationEntry copy_field_operation() {
  OperationSchema schema;
  schema.name = "copy_field";
  schema.kind = OperationKind::processor;
  schema.description =
      "Copies a field's value to another field, replacing what is there. Records without the source stay as they are.";
  schema.options = {
      path_spec("source", "The field to copy from, as a path such as `http.status`."),
      path_spec("destination", "The field to copy to, as a path. Missing objects on the way are made."),
      {.name = "delete_source",
       .type = OptionType::boolean,
       .description = "Removes the source field.",
       .default_value = false},
  };
  schema.check = [](const Json& options) -> Result<void> {
    RETURN_IF_ERROR(check_field_option(options, "source"));
    return check_field_option(options, "destination");
  };
  schema.check_place = [](const Json& options, std::span<const OperationSpec> before) {
    return absent_field_warning(options, "source", before);
  };
  return {std::move(schema), [] { return std::make_unique<CopyField>(); }};
}

}  // namespace slicemill
