#include "api/dialects/teraslice/job/job_schema.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>

#include "api/dialects/teraslice/job/job_docs.h"
#include "api/dialects/teraslice/job/job_graph.h"
#include "api/dialects/teraslice/job/teraslice_job.h"

namespace slicemill::api::teraslice {
namespace {

// Of every operation, beside its own options.
Json common_properties() {
  const Json ids = {{"type", "array"}, {"minItems", 1}, {"items", {{"type", "string"}}}};
  return {{"_op", {{"type", "string"}, {"minLength", 1}, {"description", "The operation: its name, or name@bundle."}}},
          {"id", {{"type", "string"}, {"description", "Of an operation of sources, transforms or sinks: its name."}}},
          {"from",
           {{"anyOf", Json::array({{{"type", "string"}}, ids})},
            {"description", "Of one of transforms or sinks: the id whose records it gets, or a list of ids."}}},
          {"_encoding",
           {{"enum", Json::array({"json", "raw"})},
            {"default", "json"},
            {"description", "What records are: JSON values or bytes."}}},
          {"_dead_letter_action",
           {{"type", "string"},
            {"default", "throw"},
            {"description",
             "What becomes of a record that the operation cannot work on: throw (its slice fails), log or none (it is "
             "dropped), "
             "quarantine (it is kept apart)."}}}};
}

Json option_properties(const OperationSchema& operation) {
  Json properties = operation_schema(operation)["properties"];
  const Json common = common_properties();
  for (const auto& [name, schema] : common.items()) properties[name] = schema;
  return properties;
}

Json operation_definition(const OperationSchema& operation) {
  Json required = operation_schema(operation)["required"];
  return {{"title", operation.name},
          {"description", operation.description},
          {"type", "object"},
          {"properties", option_properties(operation)},
          {"patternProperties", {{"^_", true}}},
          {"additionalProperties", false},
          {"required", std::move(required)}};
}

Json reference(const std::string& name) {
  return {{"$ref", "#/$defs/" + name}};
}

// "name" and "name@bundle" where the bundle has none of its own.
Json when_named(const std::string& name, Json then) {
  return {{"if", {{"properties", {{"_op", {{"const", name}}}}}, {"required", Json::array({"_op"})}}},
          {"then", std::move(then)}};
}

Json any_operation(const OperationCatalog& catalog) {
  Json names = Json::array(), rules = Json::array();
  for (const auto* operation : catalog.all()) {
    names.push_back(operation->name);
    rules.push_back(when_named(operation->name, reference(operation->name)));
  }
  Json properties = common_properties();
  properties["_op"]["anyOf"] = Json::array({{{"enum", std::move(names)}}, {{"pattern", "@"}}});
  return {{"type", "object"},
          {"properties", std::move(properties)},
          {"required", Json::array({"_op"})},
          {"allOf", std::move(rules)}};
}

Json reader_operation(const OperationCatalog& catalog) {
  Json names = Json::array();
  for (const auto* operation : catalog.all())
    if (operation->kind == OperationKind::reader) names.push_back(operation->name);
  return {{"description", "The first operation is a reader."},
          {"allOf",
           Json::array({reference("operation"),
                        {{"properties",
                          {{"_op", {{"anyOf", Json::array({{{"enum", std::move(names)}}, {{"pattern", "@"}}})}}}}}}})}};
}

// What core/tasks/task_tree.h reads.
Json one_task() {
  const Json text = {{"type", "string"}};
  const Json texts = {{"type", "object"},
                      {"additionalProperties", {{"type", Json::array({"string", "number", "boolean"})}}}};
  const Json tasks = {{"type", "array"}, {"minItems", 1}, {"items", reference("one_task")}};
  const Json duration = {{"type", Json::array({"string", "integer"})}};
  return {{"title", "task"},
          {"description", "A command, or several tasks. See tasks.md."},
          {"type", "object"},
          {"properties",
           {{"name", text},
            {"run", {{"type", "string"}, {"description", "A command for the shell."}}},
            {"argv",
             {{"type", "array"}, {"minItems", 1}, {"items", text}, {"description", "A program and its arguments."}}},
            {"tasks", tasks},
            {"parallel", tasks},
            {"each",
             {{"type", Json::array({"array", "string"})},
              {"description", "Once for each item of this list, or of the list in this variable."}}},
            {"concurrency", {{"type", "integer"}, {"minimum", 1}}},
            {"as", text},
            {"index_as", text},
            {"env", texts},
            {"files", texts},
            {"workdir", text},
            {"timeout", duration},
            {"output", text},
            {"retries", {{"type", "integer"}, {"minimum", 0}}},
            {"retry_delay", duration}}},
          {"additionalProperties", false}};
}

// Of a graph: it has inputs.
Json step_of_graph() {
  return {{"allOf", Json::array({reference("operation"), {{"required", Json::array({"from"})}}})}};
}

}  // namespace

Json job_json_schema(const OperationCatalog& catalog) {
  OperationSchema top;
  top.options = job_options();
  Json properties = json_schema(top)["properties"];
  properties.erase("_op");
  properties["operations"] = {{"description", properties["operations"]["description"]},
                              {"type", "array"},
                              {"minItems", 2},
                              {"prefixItems", Json::array({reference("reader")})},
                              {"items", reference("operation")}};
  for (const char* list : kGraphLists)
    properties[list] = {{"description", properties[list]["description"]},
                        {"type", "array"},
                        {"minItems", list == std::string_view("transforms") ? 0 : 1},
                        {"items", reference(list == std::string_view("sources") ? "reader" : "step")}};
  properties[kTasksMember] = {{"description", properties[kTasksMember]["description"]},
                              {"type", "array"},
                              {"minItems", 1},
                              {"items", reference("one_task")}};
  Json definitions = {{"one_task", one_task()},
                      {"step", step_of_graph()},
                      {"operation", any_operation(catalog)},
                      {"reader", reader_operation(catalog)}};
  for (const auto* operation : catalog.all()) definitions[operation->name] = operation_definition(*operation);
  return {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
          {"title", "slicemill job"},
          {"description", "A job of slicemill: a reader, processors, and a sender."},
          {"type", "object"},
          {"properties", std::move(properties)},
          {"patternProperties", {{"^_", true}}},
          {"additionalProperties", false},
          {"oneOf", Json::array({{{"required", Json::array({"operations"})}},
                                 {{"required", Json::array({"tasks"})}},
                                 {{"required", Json::array({"sources", "sinks"})}}})},
          {"$defs", std::move(definitions)}};
}

}  // namespace slicemill::api::teraslice
