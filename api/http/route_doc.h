// What clients are told about a route, and whom it is for. Each row of a dialect has one; the OpenAPI document
// (openapi.h) and the tables in the pages of the dialects in docs/ are made of them.
//
// Constant data, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace slicemill::api {

// What a caller needs for a route. There is no authentication, so everybody has every role.
enum class Role : std::uint8_t {
  unnamed,  // of no documented route, as a test checks
  open,     // nothing: probes and descriptions
  read,     // looks at jobs, executions and what they left
  write,    // changes jobs and executions
  admin     // removes for good, and stores programs that jobs run
};

constexpr std::string_view to_string(Role role) {
  constexpr std::string_view kNames[] = {"", "open", "read", "write", "admin"};
  return kNames[static_cast<std::size_t>(role)];
}

// A parameter of the query, or a header.
struct ParameterDoc {
  std::string_view name;
  std::string_view type;            // of JSON Schema: "integer", "boolean" or "string"
  std::string_view description;     // one sentence
  std::string_view default_text{};  // as written in a query; "": none
  std::string_view choices{};       // the only values, with commas between them; "": any
  bool is_header = false;
};

struct RouteDoc {
  std::string_view summary;  // one sentence; "": the route is not documented
  Role role = Role::unnamed;
  std::span<const ParameterDoc> parameters{};
  std::string_view body{};    // the schema of the request's body; kZipBody; "": none
  std::string_view answer{};  // the schema of the answer's body; kTextBody; "": none
  bool is_list = false;       // the answer is an array of it
  int status = 200;           // of an answer without error
  bool ours = false;          // not a route of the product whose dialect this is
  bool body_may_lack = false;
};

inline constexpr std::string_view kTextBody = "text";
inline constexpr std::string_view kEventStream = "events";
inline constexpr std::string_view kZipBody = "zip";

}  // namespace slicemill::api
