#include "api/http/openapi.h"

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "core/runtime/ascii.h"
#include "core/runtime/text.h"

namespace slicemill::api {
namespace {

constexpr int kIndentOfDocument = 2;
constexpr std::string_view kPathOfDocument = "/openapi.json";

constexpr RouteDoc kDocumentDoc{
    .summary = "This document: OpenAPI 3.1 of all routes", .role = Role::open, .answer = "OpenApi", .ours = true};

Json reference(std::string_view schema) {
  return {{"$ref", "#/components/schemas/" + std::string(schema)}};
}

Json json_content(Json schema) {
  return {{"application/json", {{"schema", std::move(schema)}}}};
}

bool is_parameter(std::string_view segment) {
  return segment.starts_with(':');
}

// "/v1/jobs/:id/_stop" -> {"v1", "jobs", ":id", "_stop"}
std::vector<std::string> segments_of(const std::string& path) {
  std::vector<std::string> out;
  for (const std::string& segment : split(path, '/'))
    if (!segment.empty()) out.push_back(segment);
  return out;
}

std::string template_of(const std::string& path) {
  std::string out;
  for (const std::string& segment : segments_of(path))
    out += is_parameter(segment) ? "/{" + segment.substr(1) + "}" : "/" + segment;
  return out.empty() ? "/" : out;
}

// What a route is about: the first word of its path behind a version.
std::string tag_of(const std::string& path) {
  for (const std::string& segment : segments_of(path))
    if (segment != "v1") return segment.ends_with(".json") ? "server" : segment;
  return "server";
}

std::string operation_id(Method method, const std::string& path) {
  std::string id = lower(to_string(method));
  for (const std::string& segment : segments_of(path)) {
    if (segment == "v1") continue;
    id += id.ends_with('_') || segment.starts_with('_') ? "" : "_";
    for (const char c : segment)
      if (c != ':') id += c == '.' ? '_' : c;
  }
  return id;
}

Json default_value(const ParameterDoc& parameter) {
  if (parameter.type == "integer") return parse_integer(parameter.default_text).value();
  if (parameter.type == "boolean") return parameter.default_text == "true";
  return parameter.default_text;
}

Json shown_parameter(const ParameterDoc& parameter) {
  Json schema = {{"type", parameter.type}};
  if (!parameter.default_text.empty()) schema["default"] = default_value(parameter);
  if (!parameter.choices.empty()) schema["enum"] = split(std::string(parameter.choices), ',');
  return {{"name", parameter.name},
          {"in", parameter.is_header ? "header" : "query"},
          {"description", parameter.description},
          {"schema", std::move(schema)}};
}

// What the segment before a parameter has many of.
std::string_view owner_of(std::string_view segment) {
  if (segment == "jobs") return "a job";
  if (segment == "ex") return "an execution";
  if (segment == "events") return "an event";
  if (segment == "workers") return "a worker";
  return "a bundle";
}

Json path_parameter(std::string_view name, std::string_view owner) {
  const std::string text = fmt::format("The {} of {}", name == "id" || name.ends_with("_id") ? "id" : name, owner);
  return {{"name", name}, {"in", "path"}, {"required", true}, {"description", text}, {"schema", {{"type", "string"}}}};
}

Json answer_content(const RouteDoc& doc) {
  if (doc.answer == kEventStream) return {{"text/event-stream", {{"schema", {{"type", "string"}}}}}};
  if (doc.answer == kTextBody) return {{"text/plain", {{"schema", {{"type", "string"}}}}}};
  Json schema = reference(doc.answer);
  if (doc.is_list) schema = {{"type", "array"}, {"items", std::move(schema)}};
  return json_content(std::move(schema));
}

Json body_content(std::string_view body) {
  if (body == kZipBody) return {{"application/octet-stream", {{"schema", {{"type", "string"}, {"format", "binary"}}}}}};
  Json content = json_content(reference(body));
  content["application/yaml"] = {{"schema", reference(body)}};
  return content;
}

Json operation(const MountedRoute& mounted) {
  const RouteDoc& doc = mounted.route->doc;
  const std::string tag = tag_of(mounted.path);
  Json out = {{"operationId", operation_id(mounted.route->method, mounted.path)},
              {"summary", doc.summary},
              {"tags", Json::array({tag})}};
  if (doc.ours) out["x-slicemill-only"] = true;
  out["x-required-role"] = to_string(doc.role);
  Json parameters = Json::array();
  std::string_view owner;
  const auto segments = segments_of(mounted.path);
  for (const std::string& segment : segments) {
    if (is_parameter(segment))
      parameters.push_back(path_parameter(segment.substr(1), owner));
    else
      owner = owner_of(segment);
  }
  for (const ParameterDoc& parameter : doc.parameters) parameters.push_back(shown_parameter(parameter));
  if (!parameters.empty()) out["parameters"] = std::move(parameters);
  if (!doc.body.empty()) out["requestBody"] = {{"required", !doc.body_may_lack}, {"content", body_content(doc.body)}};
  Json& responses = out["responses"];
  Json& answered = responses[std::to_string(doc.status)] = {{"description", doc.summary}};
  if (!doc.answer.empty()) answered["content"] = answer_content(doc);
  responses["default"] = {{"$ref", "#/components/responses/" + mounted.dialect->error_schema}};
  return out;
}

Response document_response(const std::string& text) {
  return {200, "application/json; charset=utf-8", text, {}};
}

}  // namespace

Json openapi_document(const Router& router, std::string_view version) {
  Json paths = Json::object();
  Json schemas = {{"OpenApi", {{"type", "object"}, {"required", {"openapi", "info", "paths"}}}}};
  for (const MountedRoute& mounted : router.documented_routes())
    paths[template_of(mounted.path)][lower(to_string(mounted.route->method))] = operation(mounted);
  Json errors = Json::object();
  for (const Dialect* dialect : router.dialects()) {
    if (!dialect->schemas) continue;
    schemas.update(dialect->schemas());
    errors[dialect->error_schema] = {{"description", "The request failed, and why"},
                                     {"content", json_content(reference(dialect->error_schema))}};
  }
  return {{"openapi", "3.1.0"},
          {"info",
           {{"title", "slicemill"},
            {"version", version},
            {"description", "Slice-based batch processing. Every path below /v1 answers without /v1 too."}}},
          {"paths", std::move(paths)},
          {"components", {{"schemas", std::move(schemas)}, {"responses", std::move(errors)}}}};
}

Dialect openapi_dialect(const Router& router, std::string version) {
  Dialect out;
  out.name = "OpenAPI";
  auto text = std::make_shared<std::string>();
  const Handler serve = [&router, version = std::move(version), text](Request&, const Respond& respond) {
    if (text->empty()) *text = to_pretty_text(openapi_document(router, version), kIndentOfDocument);
    respond(document_response(*text));
  };
  out.unprefixed_routes = {
      {.method = Method::get, .pattern = std::string(kPathOfDocument), .handler = serve, .doc = kDocumentDoc},
      {.method = Method::get,
       .pattern = fmt::format("/v1{}", kPathOfDocument),
       .handler = serve,
       .doc = {.role = Role::open}}};
  return out;
}

}  // namespace slicemill::api
