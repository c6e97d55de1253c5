#include "operations/describe.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/model/job.h"
#include "core/runtime/printable.h"
#include "core/runtime/text.h"

namespace slicemill {
namespace {

constexpr std::size_t kTextWidth = 110;

std::string_view type_name(OptionType type) {
  switch (type) {
    case OptionType::text:
      return "text";
    case OptionType::integer:
      return "integer";
    case OptionType::number:
      return "number";
    case OptionType::boolean:
      return "boolean";
    case OptionType::text_list:
      return "list of texts";
    case OptionType::bytes:
      return "bytes";
    case OptionType::duration_ms:
      return "duration";
    case OptionType::object:
      return "object";
    case OptionType::any:
      return "any";
  }
  return "";
}

std::string default_text(const OptionSpec& spec) {
  if (spec.required) return "required";
  if (spec.name == "workers") return "CPUs, at most 5";  // the value is this machine's
  return spec.default_value.is_null() ? "-" : to_compact_text(spec.default_value);
}

// The description with the choices and bounds that the type alone does not tell.
std::string full_description(const OptionSpec& spec) {
  std::string text = spec.description;
  if (!spec.choices.empty()) text += fmt::format(" One of {}.", join(spec.choices, ", "));
  constexpr double kWorthNaming = 1e9;  // bounds beyond it only keep sums from overflowing
  if (spec.minimum && std::abs(*spec.minimum) < kWorthNaming) text += fmt::format(" At least {}.", *spec.minimum);
  return text;
}

std::string traits(const OperationSchema& schema) {
  std::string text;
  if (schema.delivery == Delivery::exactly_once) text += " Delivery: exactly once.";
  if (schema.delivery == Delivery::at_least_once) text += " Delivery: at least once.";
  if (schema.needs_whole_slice) text += " Needs the whole slice in memory.";
  if (!schema.repeatable) text += " Not repeatable.";
  return text;
}

// Breaks at blanks; every line but the first is indented.
std::string wrapped(std::string_view text, std::size_t indent) {
  const std::size_t width = kTextWidth > indent + 30 ? kTextWidth - indent : 30;
  std::string out;
  std::size_t column = 0;
  for (const auto& word : split(text, ' ')) {
    if (column > 0 && column + 1 + word.size() > width) {
      out += "\n" + std::string(indent, ' ');
      column = 0;
    } else if (column > 0) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
  }
  return out;
}

// In a table cell of Markdown a bar would end the cell.
std::string cell(std::string text) {
  for (std::size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2) text.insert(at, 1, '\\');
  return text;
}

Result<const OperationSchema*> find_operation(const OperationCatalog& catalog, std::string_view name) {
  if (const auto* schema = catalog.find(name)) return schema;
  std::vector<std::string> names;
  for (const auto* schema : catalog.all()) names.push_back(schema->name);
  auto message = fmt::format("there is no operation \"{}\"", name);
  if (auto near = nearest_word(name, names)) message += fmt::format(" (did you mean \"{}\"?)", *near);
  return Error(ErrorCode::not_found, message, false);
}

}  // namespace

std::string describe_operations(const OperationCatalog& catalog) {
  std::size_t width = 0;
  for (const auto* schema : catalog.all()) width = std::max(width, schema->name.size());
  std::string text;
  for (const auto* schema : catalog.all()) {
    const auto beginning = fmt::format("{:<{}}  {:<9}  ", schema->name, width, to_string(schema->kind));
    text += beginning + wrapped(schema->description, beginning.size()) + "\n";
  }
  return text;
}

Result<std::string> describe_operation(const OperationCatalog& catalog, std::string_view name) {
  ASSIGN_OR_RETURN(const OperationSchema* schema, find_operation(catalog, name));
  std::string text = fmt::format("{} ({})\n{}\n", schema->name, to_string(schema->kind),
                                 wrapped(schema->description + traits(*schema), 0));
  if (schema->options.empty()) return text + "\nNo options.\n";
  std::size_t name_width = 6, type_width = 4, default_width = 7;
  for (const auto& spec : schema->options) {
    name_width = std::max(name_width, spec.name.size());
    type_width = std::max(type_width, type_name(spec.type).size());
    default_width = std::max(default_width, default_text(spec).size());
  }
  const auto row = [&](std::string_view option, std::string_view type, std::string_view otherwise,
                       std::string_view description) {
    const auto beginning =
        fmt::format("{:<{}}  {:<{}}  {:<{}}  ", option, name_width, type, type_width, otherwise, default_width);
    text += beginning + wrapped(description, beginning.size()) + "\n";
  };
  text += "\n";
  row("option", "type", "default", "description");
  for (const auto& spec : schema->options)
    row(spec.name, type_name(spec.type), default_text(spec), full_description(spec));
  return text;
}

Json operations_json(const OperationCatalog& catalog) {
  Json list = Json::array();
  for (const auto* schema : catalog.all()) list.push_back(json_schema(*schema));
  return list;
}

Result<Json> operation_json(const OperationCatalog& catalog, std::string_view name) {
  ASSIGN_OR_RETURN(const OperationSchema* schema, find_operation(catalog, name));
  return json_schema(*schema);
}

std::string describe_validation(const ValidatedJob& job) {
  std::vector<std::string> names;
  for (const auto& operation : job.config.at("operations"))
    names.push_back(printable(operation.at("_op").get<std::string>()));
  auto text = fmt::format("valid: \"{}\" ({}, {} worker{}): {}\n", printable(job.config.at("name").get<std::string>()),
                          job.config.at("lifecycle").get<std::string>(), job.config.at("workers").get<std::int64_t>(),
                          job.config.at("workers") == 1 ? "" : "s", join(names, " -> "));
  for (const auto& warning : job.warnings) text += fmt::format("warning: {}\n", printable(to_text(warning)));
  return text;
}

namespace {

constexpr std::string_view kOperationsIntroduction = R"(# Operations

A job names a reader first, then any number of processors, and at most one sender as the last operation. The tables come from the
program (`slicemill ops NAME`).

Every operation has two more options: `_encoding` (`json` or `raw`, by default `json`) and `_dead_letter_action`. The second one decides
what happens to a record that the operation cannot take: `throw` (the default) fails the slice, `log` drops the record with a line in the
log, `none` drops it, `quarantine` sets it aside so that it can be run again ([bad records](quarantine.md)). Bytes may be text such as
`"10MB"`, durations text such as `"5 minutes"`.

## Fields of records

Options name fields by paths. A path means the same in every operation:

- `http.status` is the member `http.status` of the record if there is one, otherwise the member `status` of the object `http`
  (within which the rule holds again). A backslash makes a dot an ordinary character: `user\.name.first` is `first` in the member
  `user.name`; `\\` is a backslash.
- In an array a number is the place of an item, counted from 0: `items.0.name`. Any other name goes into every item: `items.name`.
  `filter` passes if one of these values passes. A list of `selection` and `fields` of `file_exporter` keep the array, with the field
  of each item. The object form of `selection`, `copy_field` and columns of csv get an array of the values. `drop_field` removes the
  field from each item. `set_field` sets it in each; an item that is no object is an error of the record.
- Names are compared by their characters, however a record escapes them: `pr\u00e9nom` is `prénom`.
- If a record repeats a name, the last member counts, as in nearly every reader. `drop_field` removes all of them; `set_field`
  and `copy_field` leave one, with the new value.
- A field that is named twice in one option is refused.

Numbers keep their decimal text, and are compared as decimals of any length. A number in a job that a double would change is refused. Half
of a surrogate pair (`\ud83d` alone) is passed on as it is written. Where texts become characters (csv, tsv, raw, and the text that a
`regex` searches), U+FFFD takes its place.

When an execution ends, `slicemill run` and the log name every field that an option asks for and that was in no record, and tests of
numbers that met other types only.
)";

std::string options_table(std::string_view title, const std::vector<const OptionSpec*>& specs) {
  std::string text = fmt::format("| {} | Type | Default | Description |\n|---|---|---|---|\n", title);
  for (const OptionSpec* spec : specs) {
    text += fmt::format("| `{}` | {} | {} | {} |\n", spec->name, type_name(spec->type), cell(default_text(*spec)),
                        cell(full_description(*spec)));
  }
  return text;
}

}  // namespace

std::string job_fields_markdown() {
  std::vector<const OptionSpec*> fields;
  for (const OptionSpec& spec : job_options())
    if (!spec.no_effect) fields.push_back(&spec);
  return options_table("Field", fields);
}

std::string kept_job_fields_markdown() {
  std::string text;
  for (const OptionSpec& spec : job_options())
    if (spec.no_effect) text += fmt::format("{}`{}`", text.empty() ? "" : ", ", spec.name);
  return wrapped(text, 0);
}

std::string operations_markdown(const OperationCatalog& catalog) {
  std::string text(kOperationsIntroduction);
  for (const auto kind : {OperationKind::reader, OperationKind::processor, OperationKind::sender}) {
    const auto all = catalog.all();
    if (std::none_of(all.begin(), all.end(), [&](const auto* schema) { return schema->kind == kind; })) continue;
    text += kind == OperationKind::reader      ? "\n## Readers\n"
            : kind == OperationKind::processor ? "\n## Processors\n"
                                               : "\n## Senders\n";
    for (const auto* schema : all) {
      if (schema->kind != kind) continue;
      text += fmt::format("\n### {}\n\n{}\n", schema->name, wrapped(schema->description + traits(*schema), 0));
      if (schema->options.empty()) continue;
      std::vector<const OptionSpec*> options;
      for (const auto& spec : schema->options) options.push_back(&spec);
      text += "\n" + options_table("Option", options);
    }
  }
  return text;
}

}  // namespace slicemill
