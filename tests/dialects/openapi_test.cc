// The OpenAPI document and docs/rest.md against the routes that the router has.
#include "api/http/openapi.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "api/dialects/amp/amp_routes.h"
#include "api/dialects/teraslice/teraslice_routes.h"
#include "api/events/event_routes.h"
#include "tests/docs/rendered_page.h"
#include "tests/fakes/fake_job_service.h"

namespace slicemill::api {
namespace {

class OpenApiTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(router_.mount(teraslice::dialect(service_, service_)));
    ASSERT_TRUE(router_.mount(amp::dialect(service_, service_.views(), "/amp")));
    ASSERT_TRUE(router_.mount(events_dialect(service_.events())));
    ASSERT_TRUE(router_.mount(openapi_dialect(router_, "1.2.3")));
    document_ = openapi_document(router_, "1.2.3");
  }

  FakeJobService service_;
  Router router_;
  Json document_;
};

// "/jobs/:id" -> "/jobs/{id}"
std::string braced(const std::string& path) {
  std::string out;
  bool in_parameter = false;
  for (const char c : path) {
    if (in_parameter && c == '/') out += '}', in_parameter = false;
    if (c == ':') in_parameter = true;
    out += c == ':' ? '{' : c;
  }
  if (in_parameter) out += '}';
  return out.size() > 1 && out.ends_with('/') ? out.substr(0, out.size() - 1) : out;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

// "get /jobs/{id}" of everything in the document, without the /v1 that a row may have.
std::string without_version(std::string path) {
  if (path.starts_with("/v1/")) return path.substr(3);
  return path == "/v1" ? "/" : path;
}

TEST_F(OpenApiTest, HasEveryRouteAndNoOther) {
  std::set<std::string> mounted, documented;
  for (const MountedRoute& route : router_.routes())
    mounted.insert(lower(to_string(route.route->method)) + " " + without_version(braced(route.path)));
  for (const auto& [path, item] : document_["paths"].items())
    for (const auto& [method, operation] : item.items()) documented.insert(method + " " + without_version(path));
  EXPECT_EQ(documented, mounted);
  EXPECT_GT(documented.size(), 50u);
}

TEST_F(OpenApiTest, EveryRouteIsDescribed) {
  std::set<std::string> ids;
  for (const auto& [path, item] : document_["paths"].items()) {
    for (const auto& [method, operation] : item.items()) {
      const std::string where = method + " " + path;
      EXPECT_GE(operation["summary"].get<std::string>().size(), 5u) << where;
      EXPECT_TRUE(ids.insert(operation["operationId"].get<std::string>()).second) << where;
      std::set<std::string> declared, wanted;
      for (const auto& parameter : operation.value("parameters", Json::array()))
        if (parameter["in"] == "path") declared.insert(parameter["name"].get<std::string>());
      for (std::size_t at = 0; (at = path.find('{', at)) != std::string::npos; ++at)
        wanted.insert(path.substr(at + 1, path.find('}', at) - at - 1));
      EXPECT_EQ(declared, wanted) << where;
      if (method == "post" || method == "put") continue;
      EXPECT_FALSE(operation.contains("requestBody")) << where;
    }
  }
}

TEST_F(OpenApiTest, EveryRouteNamesTheRoleThatItNeeds) {
  for (const MountedRoute& mounted : router_.routes()) {
    const std::string where = fmt::format("{} {}", to_string(mounted.route->method), mounted.path);
    const Role role = mounted.route->doc.role;
    const bool looks = role == Role::open || role == Role::read;
    EXPECT_NE(role, Role::unnamed) << where;
    EXPECT_EQ(looks, mounted.route->method == Method::get) << where << " needs " << to_string(role);
  }
  for (const auto& [path, item] : document_["paths"].items())
    for (const auto& [method, operation] : item.items())
      EXPECT_FALSE(operation.value("x-required-role", "").empty()) << method << " " << path;
}

void collect_references(const Json& value, std::set<std::string>& found) {
  if (value.is_object() && value.contains("$ref")) found.insert(value["$ref"].get<std::string>());
  if (value.is_structured())
    for (const auto& child : value) collect_references(child, found);
}

TEST_F(OpenApiTest, EveryReferenceLeadsToASchemaAndEverySchemaIsUsed) {
  std::set<std::string> references;
  collect_references(document_, references);
  for (const std::string& reference : references) {
    ASSERT_TRUE(reference.starts_with("#/")) << reference;
    EXPECT_TRUE(document_.contains(Json::json_pointer(reference.substr(1)))) << reference;
  }
  for (const auto& [name, schema] : document_["components"]["schemas"].items())
    EXPECT_TRUE(references.contains("#/components/schemas/" + name)) << name;
}

TEST_F(OpenApiTest, IsServed) {
  for (const char* target : {"/openapi.json", "/v1/openapi.json"}) {
    Request request;
    request.method = Method::get;
    request.target = target;
    Response answer;
    router_.handle(request, [&](Response given) { answer = std::move(given); });
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(Json::parse(answer.body), document_);
    EXPECT_EQ(document_["info"]["version"], "1.2.3");
  }
}

// ---- docs/rest.md ----

struct TableRow {
  std::vector<std::string> routes;
  const RouteDoc* doc = nullptr;
};

std::string answer_text(const RouteDoc& doc) {
  if (doc.answer.empty()) return doc.status == 200 ? "empty" : fmt::format("{}: empty", doc.status);
  if (doc.answer == kTextBody || doc.answer == kEventStream) return std::string(doc.answer);
  return fmt::format("{}{}`{}`", doc.status == 200 ? "" : fmt::format("{}: ", doc.status),
                     doc.is_list ? "list of " : "", doc.answer);
}

// Routes with the same description share a line.
std::string routes_table(const Router& router, bool of_amp) {
  std::vector<TableRow> rows;
  for (const MountedRoute& mounted : router.documented_routes()) {
    if ((mounted.dialect->name == "Amp") != of_amp) continue;
    const RouteDoc& doc = mounted.route->doc;
    const std::string path = without_version(mounted.path);
    std::string route = fmt::format("{} {}", to_string(mounted.route->method), path);
    const auto same = std::ranges::find_if(rows, [&](const TableRow& row) {
      return row.doc->summary == doc.summary && row.routes.front().substr(0, 3) == route.substr(0, 3);
    });
    if (same == rows.end()) {
      rows.push_back({{std::move(route)}, &doc});
    } else {
      same->routes.push_back(path);
    }
  }
  std::string text = "| Route | What it does | Parameters | Answer | Role |\n|---|---|---|---|---|\n";
  for (const TableRow& row : rows) {
    std::string routes, parameters;
    for (const std::string& route : row.routes) routes += fmt::format("{}`{}`", routes.empty() ? "" : ", ", route);
    for (const ParameterDoc& parameter : row.doc->parameters)
      parameters += fmt::format("{}`{}`", parameters.empty() ? "" : ", ", parameter.name);
    text += fmt::format("| {}{} | {} | {} | {} | {} |\n", routes, row.doc->ours ? " **ours**" : "", row.doc->summary,
                        parameters, answer_text(*row.doc), to_string(row.doc->role));
  }
  return text;
}

std::string parameters_table(const Router& router) {
  std::map<std::string, std::string> lines;
  for (const MountedRoute& mounted : router.documented_routes()) {
    if (mounted.dialect->name == "Amp") continue;  // told on its own page
    for (const ParameterDoc& parameter : mounted.route->doc.parameters) {
      std::string choices(parameter.choices);
      for (std::size_t at = 0; (at = choices.find(',', at)) != std::string::npos; at += 2) choices.insert(at + 1, " ");
      std::string line =
          fmt::format("| `{}`{} | {} | {} | {}{} |\n", parameter.name, parameter.is_header ? " (header)" : "",
                      parameter.type, parameter.default_text.empty() ? "" : fmt::format("`{}`", parameter.default_text),
                      parameter.description, choices.empty() ? "" : fmt::format(" One of {}.", choices));
      lines[line] = line;
    }
  }
  std::string text = "| Parameter | Type | Default | Meaning |\n|---|---|---|---|\n";
  for (const auto& [key, line] : lines) text += line;
  return text;
}

TEST_F(OpenApiTest, ThePageOfTheRestApiHasAllRoutesAndParameters) {
  expect_page_part("rest.md", "routes", routes_table(router_, false));
  expect_page_part("amp.md", "routes", routes_table(router_, true));
  expect_page_part("rest.md", "parameters", parameters_table(router_));
}

}  // namespace
}  // namespace slicemill::api
