// One HTTP request, for the verbs that ask a master. Blocks; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "core/runtime/result.h"

namespace slicemill::cli {

struct HttpTarget {
  std::string host;
  std::string port;
};

// "http://host[:port][/]" or "host[:port]"; the port defaults to 5678. invalid otherwise.
Result<HttpTarget> parse_master_url(std::string_view url);

struct HttpCall {
  std::string_view method = "GET";
  std::string path;          // with the query, encoded
  std::string content_type;  // of the body
  std::string body;
};

struct HttpAnswer {
  int status = 0;
  std::string body;
  std::map<std::string, std::string> headers;  // names in lower case
};

// unavailable: no connection; timeout: no answer in time. Any HTTP status is an answer.
Result<HttpAnswer> http_send(const HttpTarget& target, const HttpCall& call, std::int64_t timeout_ms);
Result<HttpAnswer> http_get(const HttpTarget& target, const std::string& path, std::int64_t timeout_ms);
Result<HttpAnswer> http_post(const HttpTarget& target, const std::string& path, std::int64_t timeout_ms);

}  // namespace slicemill::cli
