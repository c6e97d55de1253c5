#include "operations/processors/selection.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/formats/record_projection.h"
#include "operations/json_record.h"
#include "operations/known_fields.h"
#include "operations/record_tokens.h"

namespace slicemill {
namespace {

struct Choices {
  RecordProjection::Form form = RecordProjection::Form::flat;
  std::vector<ChosenField> fields;
};

Result<void> choose_from_list(const Json& fields, std::vector<ChosenField>& choices) {
  std::vector<std::string> paths;
  for (const auto& field : fields) {
    if (!field.is_string()) return Error(ErrorCode::invalid, "fields: every item must be the path of a field", false);
    paths.push_back(field.get<std::string>());
  }
  if (auto good = check_chosen_fields(paths); !good) return with_context(good.error(), "fields");
  choices = chosen_fields(paths);
  return {};
}

Result<void> choose_from_object(const Json& fields, std::vector<ChosenField>& choices) {
  for (const auto& [name, source] : fields.items()) {
    if (!source.is_string()) {
      return Error(ErrorCode::invalid, fmt::format("fields.{}: must be the path of the source field", name), false);
    }
    auto path = FieldPath::parse(source.get_ref<const std::string&>());
    if (!path) return with_context(path.error(), "fields." + name);
    choices.push_back({name, *path});
  }
  return {};
}

// A list may name a field and one within it; the outer one holds the inner one already.
void drop_covered(std::vector<ChosenField>& choices) {
  const auto covers = [](const ChosenField& outer, const ChosenField& inner) {
    const auto& around = outer.source.segments();
    const auto& within = inner.source.segments();
    return around.size() < within.size() && std::equal(around.begin(), around.end(), within.begin(),
                                                       [](const auto& a, const auto& b) { return a.name == b.name; });
  };
  const std::vector<ChosenField> all = choices;
  std::erase_if(choices, [&](const ChosenField& choice) {
    return std::any_of(all.begin(), all.end(), [&](const ChosenField& other) { return covers(other, choice); });
  });
}

Result<Choices> read_choices(const Json& options) {
  Choices read;
  auto& choices = read.fields;
  const auto& fields = options.at("fields");
  if (fields.is_array()) {
    read.form = RecordProjection::Form::in_place;
    RETURN_IF_ERROR(choose_from_list(fields, choices));
    drop_covered(choices);
  } else if (fields.is_object()) {
    RETURN_IF_ERROR(choose_from_object(fields, choices));
  } else {
    return Error(ErrorCode::invalid, "fields: must be a list of field paths, or an object of output name -> field path",
                 false);
  }
  if (choices.empty()) return Error(ErrorCode::invalid, "fields: must name at least one field", false);
  if (!options.contains("casts")) return read;
  for (const auto& [name, word] : options["casts"].items()) {
    const auto choice = std::find_if(choices.begin(), choices.end(),
                                     [&, &wanted = name](const ChosenField& c) { return c.name == wanted; });
    if (choice == choices.end())
      return Error(ErrorCode::invalid, fmt::format("casts.{}: is not one of the fields", name), false);
    choice->cast = word.is_string() ? parse_json_cast(word.get_ref<const std::string&>()) : std::nullopt;
    if (!choice->cast)
      return Error(ErrorCode::invalid, fmt::format("casts.{}: must be string, number, integer or boolean", name),
                   false);
  }
  return read;
}

class Selection final : public Processor {
 public:
  Result<void> initialize(const OperationContext& context) override {
    rejecter_ = RecordRejecter(context);
    ASSIGN_OR_RETURN(Choices choices, read_choices(context.operation.options));
    for (const ChosenField& field : choices.fields) absent_.push_back(absent_field(context, field.source));
    for (const ChosenField& field : choices.fields) {
      const std::string& source = field.source.whole_name();
      names_.emplace_back(source, choices.form == RecordProjection::Form::flat ? field.name : source);
    }
    projection_ = RecordProjection(choices.form, std::move(choices.fields));
    return {};
  }

  Result<void> process(RecordBatch& batch) override {
    if (batch.records.empty()) return {};
    for (OperationRemark& absent : absent_) absent.make();
    auto done = edit_objects(batch, indexer_, rejecter_, [&](std::string_view record, const JsonValue& object) {
      return select(batch, record, object);
    });
    for (std::size_t field = 0; field < absent_.size(); ++field) {
      if (projection_.found()[field]) absent_[field].refute();
    }
    return done;
  }
  void change_columns(std::vector<std::string>& columns) const override {
    std::vector<std::string> chosen;
    for (const auto& [source, target] : names_) {
      if (std::find(columns.begin(), columns.end(), source) != columns.end()) chosen.push_back(target);
    }
    columns = std::move(chosen);
  }

 private:
  Result<std::string_view> select(RecordBatch& batch, std::string_view record, const JsonValue& object) {
    const auto failed = [&](const Error& error) {
      return Error(ErrorCode::invalid, fmt::format("{}, in {}", error.message, record_head(record)), false);
    };
    if (auto looked = projection_.look_at(object); !looked) return failed(looked.error());
    char* start = batch.allocate(projection_.size_limit());
    const auto end = projection_.write(start);
    if (!end) return failed(end.error());
    const auto used = static_cast<std::size_t>(*end - start);
    batch.shrink_last(start, used);
    return std::string_view(start, used);
  }

  JsonIndexer indexer_;
  RecordRejecter rejecter_;
  RecordProjection projection_;
  std::vector<OperationRemark> absent_;                     // by field
  std::vector<std::pair<std::string, std::string>> names_;  // by field: what a table calls it, before and behind
};

}  // namespace

OperationEntry selection_operation() {
  OperationSchema schema;
  schema.name = "selection";
  schema.kind = OperationKind::processor;
  schema.description =
      "Keeps only the chosen fields of each record, in the order in which they are named. Missing ones are left out.";
  schema.options = {
      {.name = "fields",
       .type = OptionType::any,
       .description = "A list of field paths (`http.status` keeps its place within `http`), or an object of output "
                      "name -> field path.",
       .required = true},
      {.name = "casts",
       .type = OptionType::object,
       .description = "Converts values: an object of output name (of a list: the path) -> `string`, `number`, "
                      "`integer` or `boolean`. Numbers keep their digits; `integer` drops the fraction."},
  };
  schema.check = [](const Json& options) -> Result<void> {
    if (auto choices = read_choices(options); !choices) return choices.error();
    return {};
  };
  schema.check_place = [](const Json& options, std::span<const OperationSpec> before) {
    return absent_field_warning(options, "fields", before);
  };
  return {std::move(schema), [] { return std::make_unique<Selection>(); }};
}

}  // namespace slicemill
