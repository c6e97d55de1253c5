#include "operations/processors/field_edits.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "operations/json_record.h"

namespace slicemill {
namespace {

Result<FieldPath> path_option(const OperationContext& context, const char* name) {
  return FieldPath::parse(context.options.at(name).get_ref<const std::string&>());
}

bool has_column(const std::vector<std::string>& columns, const FieldPath& field) {
  return field.segments.size() == 1 && std::find(columns.begin(), columns.end(), field.segments[0]) != columns.end();
}

void drop_column(std::vector<std::string>& columns, const FieldPath& field) {
  if (field.segments.size() == 1) std::erase(columns, field.segments[0]);
}

class SetField final : public Processor {
 public:
  Result<void> initialize(const OperationContext& context) override {
    rejecter_ = RecordRejecter(context);
    ASSIGN_OR_RETURN(field_, path_option(context, "field"));
    json_ = to_compact_text(context.options.at("value"));
    overwrite_ = context.options.value("overwrite", false);
    return {};
  }
  Result<void> process(RecordBatch& batch) override {
    return edit_records(batch, rejecter_,
                        [&](std::string_view record) { return editor_.set(batch, record, field_, json_, overwrite_); });
  }
  void change_columns(std::vector<std::string>&) const override {}

 private:
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
    return {};
  }
  Result<void> process(RecordBatch& batch) override {
    return edit_records(batch, rejecter_, [&](std::string_view record) { return editor_.drop(batch, record, field_); });
  }
  void change_columns(std::vector<std::string>& columns) const override { drop_column(columns, field_); }

 private:
  const char* option_;  // that names the field
  RecordEditor editor_;
  RecordRejecter rejecter_;
  FieldPath field_;
};

class CopyField final : public Processor {
 public:
  Result<void> initialize(const OperationContext& context) override {
    rejecter_ = RecordRejecter(context);
    ASSIGN_OR_RETURN(source_, path_option(context, "source"));
    ASSIGN_OR_RETURN(destination_, path_option(context, "destination"));
    delete_source_ = context.options.value("delete_source", false);
    return {};
  }
  Result<void> process(RecordBatch& batch) override {
    return edit_records(batch, rejecter_, [&](std::string_view record) { return copy(batch, record); });
  }
  void change_columns(std::vector<std::string>& columns) const override {
    const bool has_source = has_column(columns, source_);
    if (delete_source_) drop_column(columns, source_);
    if (has_source && destination_.segments.size() == 1 && !has_column(columns, destination_))
      columns.push_back(destination_.segments[0]);
  }

 private:
  Result<std::string_view> copy(RecordBatch& batch, std::string_view record) {
    ASSIGN_OR_RETURN(const auto json, editor_.get(record, source_));
    if (!json) return record;
    // The copied bytes stay where they are, so they outlive the record without its source.
    std::string_view edited = record;
    if (delete_source_) {
      ASSIGN_OR_RETURN(edited, editor_.drop(batch, edited, source_));
    }
    return editor_.set(batch, edited, destination_, *json, true);
  }

  RecordEditor editor_;
  RecordRejecter rejecter_;
  FieldPath source_, destination_;
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
  schema.description = "Removes a field from each record that has it.";
  schema.options = {path_spec("field", "The field to remove, as a path such as `http.status`.")};
  schema.check = [](const Json& options) { return check_field_option(options, "field"); };
  return {std::move(schema), [] { return std::make_unique<DropField>("field"); }};
}

OperationEntry drop_property_operation() {
  OperationSchema schema;
  schema.name = "drop_property";
  schema.kind = OperationKind::processor;
  schema.description = "Removes a field from each record that has it: `drop_field` as example bundles name it.";
  schema.options = {path_spec("property", "The field to remove, as a path such as `http.status`.")};
  schema.check = [](const Json& options) { return check_field_option(options, "property"); };
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
  return {std::move(schema), [] { return std::make_unique<CopyField>(); }};
}

}  // namespace slicemill
