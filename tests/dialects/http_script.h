// Request and answer scripts as text, run against a real server over a FakeJobService.
//
// script  := case*                                                 lines that begin with "#" are comments between cases
// case    := "=== " name  given*  request  expected
// given   := "given " call " " JSON                                the answer of a JobService call (forms:
// fake_job_service.h)
//          | "given " call " error " code " " message
// request := METHOD " " target  ("Name: " value)*  [blank  body]   the body ends before the "--- " line
// expected:= "--- " status  expectation*
// expectation := "Name: " value                                    a header
//          | "{...}" or "[...]" over one or more lines             JSON that the body contains: objects may have more
//          members,
//                                                                  lists have the same length
//          | "exactly" line*                                       the whole body, to the next expectation word or case
//          | "called " call " " JSON                               the JobService was called so, last; with at least
//          these members | "not called " call
//
// In expectations {target} stands for the target as sent. Each case runs as it stands and, if its path has no /v1,
// below /v1 too, except /txt. {newline} stands for a line end after the last line of an exact body. {repeat:N:text} in
// target, headers, body and error messages stands for N times that text.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/runtime/json.h"
#include "core/runtime/result.h"
#include "tests/api/api_server.h"

namespace slicemill {

struct HttpCase {
  struct Given {
    std::string call;
    std::string rest;
  };
  struct Called {
    std::string call;
    std::string arguments;  // JSON text; "" for "not called"
    bool expected = true;
  };

  std::string name;
  int line = 0;
  std::vector<Given> given;
  std::string method, target, header_lines, body;
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;
  std::optional<std::string> json;
  std::optional<std::string> exact;
  std::vector<Called> called;
};

// The error names the line.
Result<std::vector<HttpCase>> parse_http_script(std::string_view text);

// What went wrong, one entry each; empty if the case passed.
std::vector<std::string> run_http_case(const HttpCase& script, ApiServer& api, std::string_view prefix);

// Where `actual` lacks something of `expected`: "at /a/0: expected 1, got 2"; "" if nothing.
std::string json_difference(const Json& expected, const Json& actual, const std::string& place = "");

}  // namespace slicemill
