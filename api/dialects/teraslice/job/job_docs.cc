#include "api/dialects/teraslice/job/job_docs.h"

#include <fmt/format.h>

#include "api/dialects/teraslice/job/teraslice_job.h"

namespace slicemill::api::teraslice {
namespace {

constexpr std::string_view kOperationsIntroduction = R"(# Operations

A job names a reader first, then any number of processors, and at most one sender as the last operation. The tables come from the
program (`slicemill ops NAME`).

Every operation has two more options: `_encoding` (`json` or `raw`, by default `json`) and `_dead_letter_action`. The second one decides
what happens to a record that the operation cannot take: `throw` (the default) fails the slice, `log` drops the record with a line in the
log, `none` drops it, `quarantine` sets it aside so that it can be run again ([bad records](quarantine.md)). Operations that work with
another system have a third one, `_connection`: the name of a [connection](connections.md) of the configuration. Bytes may be text such as
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

}  // namespace

Json operation_schema(const OperationSchema& schema) {
  Json json = json_schema(schema);
  Json properties = Json::object({{"_op", Json::object({{"const", schema.name}})}});
  properties.update(json["properties"]);
  Json required = Json::array({"_op"});
  for (const Json& name : json["required"]) required.push_back(name);
  json["properties"] = std::move(properties);
  json["required"] = std::move(required);
  return json;
}

Json operations_json(const OperationCatalog& catalog) {
  Json list = Json::array();
  for (const auto* schema : catalog.all()) list.push_back(operation_schema(*schema));
  return list;
}

std::vector<const OptionSpec*> effective_fields() {
  std::vector<const OptionSpec*> fields;
  for (const OptionSpec& spec : job_options())
    if (!spec.no_effect) fields.push_back(&spec);
  return fields;
}

std::string kept_fields() {
  std::string text;
  for (const OptionSpec& spec : job_options())
    if (spec.no_effect) text += fmt::format("{}`{}`", text.empty() ? "" : ", ", spec.name);
  return text;
}

std::string_view operations_introduction() {
  return kOperationsIntroduction;
}

}  // namespace slicemill::api::teraslice
