// The REST API of a master, as the commands use it: JSON in, JSON or an error out. Blocks; main thread.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command_line.h"
#include "cli/http_request.h"
#include "core/runtime/json.h"
#include "core/runtime/result.h"

namespace slicemill::cli {

class MasterClient {
 public:
  // Names the master (client/master_address.h); nothing is sent yet.
  static Result<MasterClient> of(const CommandLine& line);
  static Result<MasterClient> at(const std::string& url);

  const std::string& url() const { return url_; }
  // Words that further commands need to ask the same one (cli/shell_words.h).
  const std::string& place() const { return place_; }

  // Errors: the master's own words without those of other systems; not_found, conflict, gone, invalid, unavailable,
  // timeout by its status. unavailable too if nothing answers, or something that is no master.
  Result<Json> get(const std::string& path) const;
  Result<std::vector<Json>> list(const std::string& path) const;
  Result<Json> post(const std::string& path, const Json& body = Json()) const;
  Result<Json> post(const std::string& path, std::string content_type, std::string body) const;
  Result<Json> put(const std::string& path, const Json& body) const;
  Result<Json> remove(const std::string& path) const;
  // The answer as it came; an error for each status but 200.
  Result<HttpAnswer> text(const std::string& path) const;

  // How long an answer may take from now on.
  void set_patience(std::int64_t milliseconds) { patience_ms_ = milliseconds; }

 private:
  Result<HttpAnswer> send(const HttpCall& call) const;
  Result<Json> ask(const HttpCall& call) const;

  std::string url_;
  std::string place_;
  HttpTarget target_;
  std::int64_t patience_ms_ = 30'000;
  std::string data_hint_;  // behind the error that nothing answers
};

// For the parts of a path and the values of a query.
std::string url_encoded(std::string_view text);

}  // namespace slicemill::cli
