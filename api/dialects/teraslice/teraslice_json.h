// JSON of the Teraslice dialect: from a request's query and body to the arguments of a command, from an answer to its
// body. Pure functions, any thread. Wording and shapes are what existing clients match on.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/http/error_table.h"
#include "api/http/message.h"
#include "core/model/asset_service.h"
#include "core/model/commands.h"
#include "core/runtime/json.h"
#include "core/runtime/result.h"

namespace slicemill::api::teraslice {

// Statuses of this dialect. Invalid jobs are 500, as clients expect; requests that are wrong in themselves are 400.
const ErrorTable& error_table();

Response json_response(const Json& body, int status = 200);
// {"error": status, "message": message}; `details`, if given, is a further member.
Response error_response(int status, std::string_view message, std::string_view details = {});
// An empty message is replaced by the route's own text, a very long one is cut.
Response error_response(const Error& error, std::string_view failure_text);

// The parsed body of a request: {} if it is empty. YAML for */yaml and the like, JSON for every other type that is
// accepted. A body that cannot be used is answered as given in the error.
struct BodyError {
  int status = 0;
  std::string message;
  std::string details;  // the place

  BodyError() = default;
  BodyError(int code, std::string text, std::string place = {})
      : status(code), message(std::move(text)), details(std::move(place)) {}
};
using Body = boost::system::result<Json, BodyError>;
Body parse_body(const Request& request);

// Query parameters. ListQuery's defaults hold for absent and empty ones.
enum class SortFields { jobs, executions, slices, assets };
Result<ListQuery> list_query(const Request& request, SortFields fields);
// list_query plus `active` and `deleted`.
Result<ListQuery> job_list_query(const Request& request);
// list_query plus `status` and `deleted`.
Result<ListQuery> execution_list_query(const Request& request);

struct WorkersRequest {
  WorkerChange change = WorkerChange::add;
  std::int64_t count = 0;
};
Result<WorkersRequest> workers_request(const Request& request);
Result<StopRequest> stop_request(const Request& request);
Result<CleanupType> cleanup_type(const Request& request);
bool start_wanted(const Request& request);
// From the query, or from the body.
Result<std::string> log_level(const Request& request, const Json& body);

// list_query for assets: newest first unless told otherwise.
Result<AssetQuery> asset_query(const Request& request);
// One of the two types that the first dialect takes for JSON, which a zip is not.
bool is_body_of_json_type(const Request& request);

// Bodies.
Result<Json> posted_job(Json body);
Result<Json> job_update(std::string_view job_id, Json body);

// Answers.
Json submitted_json(const Submitted& submitted);
Json stop_json(const ExecutionId& id, const StopRequest& request, const StopAnswer& answer);
Json status_json(ExecutionStatus status);
Json workers_json(const ExecutionId& id, const WorkersAnswer& answer);
Json log_level_json(const ExecutionId& id, std::string_view level);
// By name, then start time, latest in the alphabet first.
Json controllers_json(Json controllers);

}  // namespace slicemill::api::teraslice
