#include "operations/describe.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

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

std::string operations_markdown(const OperationCatalog& catalog) {
  std::string text =
      "# Operations\n\n"
      "Made from the schemas in `operations/`; a test compares this file with them. A job names a reader first, then "
      "any number of\n"
      "processors, and at most one sender as the last operation.\n\n"
      "Every operation takes two more options: `_encoding` (`json` or `raw`, default `json`) and "
      "`_dead_letter_action`, which says what\n"
      "becomes of a record that the operation cannot work on: `throw` (the default: the slice fails), `log` (the "
      "record is logged and\n"
      "dropped), `none` (the record is dropped) or `quarantine` (the record is kept apart and can be run again,\n"
      "docs/quarantine.md). Bytes may be given as text such as `\"10MB\"`, durations as text "
      "such as `\"5 minutes\"`.\n"
      "\n## Fields of records\n\n"
      "Options name fields by paths, and a path means the same in every operation:\n\n"
      "- `http.status` is the member `http.status` of the record if there is one, otherwise the member `status` of the "
      "object `http`\n"
      "  (within which the rule holds again). A backslash takes a dot for itself: `user\\.name.first` is `first` in "
      "the "
      "member `user.name`;\n"
      "  `\\\\` is a backslash.\n"
      "- In an array a number is the place of an item, counted from 0: `items.0.name`. Any other name goes into every "
      "item: `items.name`.\n"
      "  `filter` passes if one of these values does; a list of `selection` and `fields` of `file_exporter` keep the "
      "array, with that of each\n"
      "  item; the object form of `selection`, `copy_field` and columns of csv get an array of the values; "
      "`drop_field` "
      "removes the field from\n"
      "  each item; `set_field` sets it in each, and an item that is no object is an error of the record.\n"
      "- Names are compared by their characters, however a record escapes them: `pr\\u00e9nom` is `prénom`.\n"
      "- If a record repeats a name, the last member counts, as nearly every reader takes it. `drop_field` removes all "
      "of them; `set_field`\n"
      "  and `copy_field` leave one, with the new value.\n"
      "- A field that is named twice in one option is refused.\n\n"
      "Numbers keep their decimal text on the way, and are compared as decimals of any length. A number in a job that "
      "a "
      "double would change\n"
      "is refused. Half of a surrogate pair (`\\ud83d` alone) is passed on as it is written; where texts become "
      "characters (csv, tsv, raw, and what\n"
      "a `regex` looks at), U+FFFD stands in its place.\n\n"
      "When an execution ends, `slicemill run` and the log name every field that an option asks for and that was in no "
      "record, and tests of\n"
      "numbers that met other types only.\n";
  for (const auto kind : {OperationKind::reader, OperationKind::processor, OperationKind::sender}) {
    const auto all = catalog.all();
    if (std::none_of(all.begin(), all.end(), [&](const auto* schema) { return schema->kind == kind; })) continue;
    text += kind == OperationKind::reader      ? "\n## Readers\n"
            : kind == OperationKind::processor ? "\n## Processors\n"
                                               : "\n## Senders\n";
    for (const auto* schema : all) {
      if (schema->kind != kind) continue;
      text += fmt::format("\n### {}\n\n{}{}\n", schema->name, schema->description, traits(*schema));
      if (schema->options.empty()) continue;
      text += "\n| Option | Type | Default | Description |\n|---|---|---|---|\n";
      for (const auto& spec : schema->options) {
        text += fmt::format("| `{}` | {} | {} | {} |\n", spec.name, type_name(spec.type), cell(default_text(spec)),
                            cell(full_description(spec)));
      }
    }
  }
  return text;
}

}  // namespace slicemill
