// Answers of the Teraslice dialect: from what a command answers to a body, from an error to a status. Pure functions,
// any thread. Wording and shapes are what existing clients match on.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "api/http/error_table.h"
#include "api/http/message.h"
#include "core/model/commands.h"
#include "core/model/stats.h"
#include "core/runtime/json.h"
#include "core/runtime/json_writer.h"
#include "core/runtime/result.h"

namespace slicemill::api::teraslice {

// Statuses of this dialect: a request that is wrong in itself is 400 ...
inline constexpr std::string_view kJsonType = "application/json; charset=utf-8";
inline constexpr int kIndent = 4;  // of bodies, in spaces per level

const ErrorTable& error_table();
// ... but an invalid job is 500, as clients expect;
const ErrorTable& job_error_table();
// and an execution whose settings cannot be reached is 404.
const ErrorTable& settings_error_table();
// A bundle that is no good is 500 too, one without a readable asset.json 422, one that is too large 413.
const ErrorTable& asset_error_table();

Response json_response(const Json& body, int status = 200);
// {"error": status, "message": message}; `details`, if given, is a further member. A very long message is cut.
Response error_response(int status, std::string_view message, std::string_view details = {});
// An empty message is replaced by the route's own text.
Response error_response(const ErrorTable& table, const Error& error, std::string_view failure_text);

// Answers.
Json submitted_json(const Submitted& submitted);
ShownDocument updated_document(UpdatedJob updated);
Json stop_json(const ExecutionId& id, const StopRequest& request, const StopAnswer& answer);
Json status_json(ExecutionStatus status);
Json workers_json(const ExecutionId& id, const WorkersAnswer& answer);
Json log_level_json(const ExecutionId& id, std::string_view level);
// The text, with where it ends in X-Log-Position, and X-Log-Gap if lines before it are gone.
Response log_response(LogPart part);
// The counters of an execution, without its progress and its summary, behind the members that were begun with.
JsonObjectWriter counters_json(const Stats& stats, JsonObjectWriter begun = {});
Json controller_json(const ControllerView& controller);
// By name, then start time, latest in the alphabet first.
Json controllers_json(std::vector<ControllerView> controllers);
Json cluster_counters_json(const ClusterCounters& counters);

}  // namespace slicemill::api::teraslice
