// Arguments of the Teraslice dialect: from a request's query and body to what a command takes. Pure functions, any
// thread. Wording and statuses are what existing clients match on.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "api/http/message.h"
#include "core/model/asset_service.h"
#include "core/model/commands.h"
#include "core/runtime/json.h"
#include "core/runtime/result.h"

namespace slicemill::api::teraslice {

// Why a request was not even handed on.
struct Refusal {
  int status = 400;
  std::string message;
  std::string details;  // the place

  Refusal() = default;
  Refusal(int code, std::string text, std::string place = {})
      : status(code), message(std::move(text)), details(std::move(place)) {}
};
template <typename T>
using Argument = boost::system::result<T, Refusal>;

// The parsed body of a request: {} if it is empty. YAML for */yaml and the like, JSON for every other type that is
// accepted.
Argument<Json> parse_body(const Request& request, YamlNotes* notes);

// Lists. The queries' defaults hold for absent and empty parameters. now: for relative dates in filters.
Argument<ListQuery> job_list_query(const Request& request, WallMs now);        // with active, deleted, ex
Argument<ListQuery> execution_list_query(const Request& request, WallMs now);  // with status, deleted
Argument<RecordQuery> slice_list_query(const Request& request, WallMs now);
// Newest first unless told otherwise.
Argument<AssetQuery> asset_query(const Request& request);
// `size` and `from` alone, for lists that are neither filtered nor sorted.
Argument<RecordQuery> page_query(const Request& request);
// The same of the routes that are ours: what is wrong is 400 there, whatever it is elsewhere.
Argument<RecordQuery> own_page_query(const Request& request);

// `ex`: which fields of its latest execution a job is shown with. Nothing if it is not asked for.
std::optional<ExecutionFields> execution_fields(const Request& request);

struct WorkersRequest {
  WorkerChange change = WorkerChange::add;
  std::int64_t count = 0;
};
Argument<WorkersRequest> workers_request(const Request& request);
Argument<StopRequest> stop_request(const Request& request);
// `params` of the body.
Argument<StartRequest> start_request(const Json& body);
// `params` and `records` of the body.
Argument<RedriveRequest> redrive_request(const Json& body);
// `cleanup_type` and `config` of the query, `params` of the body.
Argument<RecoverRequest> recover_request(const Request& request, const Json& body);
// The header Idempotency-Key, with or without quotes around it; "" without one. 400 if it is no key.
Argument<std::string> idempotency_key(const Request& request);

bool start_wanted(const Request& request);
// From the query, or from the body.
Argument<std::string> log_level(const Request& request, const Json& body);

// `process`, `lines` or `from`, of a log.
Argument<LogQuery> log_query(const Request& request);
// Of a log: what comes, too, until the execution has ended.
bool wants_to_follow(const Request& request);

// One of the two types that the first dialect takes for JSON, which a zip is not.
bool is_body_of_json_type(const Request& request);

// Bodies.
Argument<Json> posted_job(Json body);
Argument<Json> job_update(std::string_view job_id, Json body);

}  // namespace slicemill::api::teraslice
