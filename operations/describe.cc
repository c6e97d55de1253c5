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
  const Delivery delivery = delivery_of(schema.commit);
  if (delivery == Delivery::exactly_once)
    text += fmt::format(" Delivery: exactly once ({}).", to_string(schema.commit));
  if (delivery == Delivery::at_least_once) text += " Delivery: at least once.";
  if (!schema.connection_type.empty()) text += fmt::format(" Needs a connection of type {}.", schema.connection_type);
  if (schema.needs_whole_slice) text += " Needs the whole slice in memory.";
  if (!schema.repeatable) text += " Not repeatable.";
  return text;
}

// In a table cell of Markdown a bar would end the cell.
std::string cell(std::string text) {
  for (std::size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2) text.insert(at, 1, '\\');
  return text;
}

}  // namespace

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

Result<const OperationSchema*> find_operation(const OperationCatalog& catalog, std::string_view name) {
  if (const auto* schema = catalog.find(name)) return schema;
  std::vector<std::string> names;
  for (const auto* schema : catalog.all()) names.push_back(schema->name);
  auto message = fmt::format("there is no operation \"{}\"", name);
  if (auto near = nearest_word(name, names)) message += fmt::format(" (did you mean \"{}\"?)", *near);
  return Error(ErrorCode::not_found, message, false);
}

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

namespace {}  // namespace

std::string options_table(std::string_view title, const std::vector<const OptionSpec*>& specs) {
  std::string text = fmt::format("| {} | Type | Default | Description |\n|---|---|---|---|\n", title);
  for (const OptionSpec* spec : specs) {
    text += fmt::format("| `{}` | {} | {} | {} |\n", spec->name, type_name(spec->type), cell(default_text(*spec)),
                        cell(full_description(*spec)));
  }
  return text;
}

std::string operations_markdown(const OperationCatalog& catalog, std::string_view introduction) {
  std::string text(introduction);
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
