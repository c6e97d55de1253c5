// What clients are told about a route. Each row of a dialect has one; the OpenAPI document (openapi.h) and the table in
// docs/rest.md are made of them.
//
// Constant data, any thread.
#pragma once

#include <span>
#include <string_view>

namespace slicemill::api {

// A parameter of the query.
struct ParameterDoc {
  std::string_view name;
  std::string_view type;            // of JSON Schema: "integer", "boolean" or "string"
  std::string_view description;     // one sentence
  std::string_view default_text{};  // as written in a query; "": none
  std::string_view choices{};       // the only values, with commas between them; "": any
};

struct RouteDoc {
  std::string_view summary;  // one sentence; "": the route is not documented
  std::span<const ParameterDoc> parameters{};
  std::string_view body{};    // the schema of the request's body; kZipBody; "": none
  std::string_view answer{};  // the schema of the answer's body; kTextBody; "": none
  bool is_list = false;       // the answer is an array of it
  int status = 200;           // of an answer without error
  bool ours = false;          // not a route of the product whose dialect this is
  bool body_may_lack = false;
};

inline constexpr std::string_view kTextBody = "text";
inline constexpr std::string_view kZipBody = "zip";

}  // namespace slicemill::api
