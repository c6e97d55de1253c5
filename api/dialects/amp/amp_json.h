// Answers of the Amp dialect: values and errors as bodies. Pure functions, any thread.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "api/dialects/amp/amp_arguments.h"
#include "api/http/message.h"
#include "core/model/documents.h"
#include "core/model/job_views.h"
#include "core/runtime/json.h"

namespace slicemill::api::amp {

inline constexpr std::string_view kJsonType = "application/json";

Response json_response(const Json& body);
Response empty_response(int status);
Response error_response(int status, std::string_view code, std::string_view message);

// RFC 3339 with microseconds and the offset +00:00.
std::string timestamp(WallMs time);

// A job without its descriptor, as members of a document.
JsonMembers job_members(const JobView& job, const NodeView& node);

// An event of this dialect's list: a change of the status that its clients know.
struct ShownEvent {
  const JobEvent* event = nullptr;
  Status type = Status::scheduled;
};
std::vector<ShownEvent> shown_events(const std::vector<JobEvent>& events);
Json events_json(std::int64_t job, const std::vector<ShownEvent>& events, const NodeView& node);
// With its detail: of a failure what went wrong; nothing: none.
Json event_json(std::int64_t job, const ShownEvent& event, const NodeView& node, Json detail);
// Of each sink exactly four members; block numbers only where the source has numbers.
Json progress_json(const JobView& job, const std::vector<SinkView>& sinks);
Json failure_detail(std::string_view reason);

Json workers_json(const NodeView& node, WallMs now);
Json worker_json(const NodeView& node, WallMs now);

}  // namespace slicemill::api::amp
