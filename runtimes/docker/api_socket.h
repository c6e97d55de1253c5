// HTTP over the Unix socket of a container server, one connection for each request. Blocks; any thread.
#pragma once

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>

#include "core/runtime/result.h"

namespace slicemill::docker {

struct ApiRequest {
  std::string method;
  std::string target;  // encoded
  std::string body{};
  std::string content_type = "application/json";
  std::string registry_auth{};  // Base64 of JSON; "": none
};

struct ApiAnswer {
  int status = 0;
  std::string body;  // of an answer that went to a sink: ""
};

// A piece of a body. An error ends the request with it.
using PieceSink = std::function<Result<void>(std::string_view)>;

class ApiSocket {
 public:
  // limit: for a whole request, but for those that have none.
  ApiSocket(std::string path, std::chrono::milliseconds limit) : path_(std::move(path)), limit_(limit) {}

  // unavailable: nobody answers there, or the answer broke off. timeout. cancelled: `stop` was asked for. corrupt: no
  // HTTP, or more than 64 MB. A status is no error here.
  Result<ApiAnswer> request(const ApiRequest& request, const std::stop_token& stop = {}) const;

  // The body of an answer with a status of success goes to the sink while it comes. Without a time limit.
  Result<ApiAnswer> stream(const ApiRequest& request, const PieceSink& sink, const std::stop_token& stop = {}) const;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
  std::chrono::milliseconds limit_;
};

// Bytes other than letters, digits and "-._~" as %XX.
std::string percent_encoded(std::string_view text);

}  // namespace slicemill::docker
