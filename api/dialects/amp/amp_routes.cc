#include "api/dialects/amp/amp_routes.h"

#include <fmt/core.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "api/dialects/amp/amp_arguments.h"
#include "api/dialects/amp/amp_bodies.h"
#include "api/dialects/amp/amp_json.h"
#include "api/http/document_bodies.h"
#include "core/runtime/log.h"

namespace slicemill::api::amp {
namespace {

struct Call {
  JobService& service;
  JobViews& views;
  const Request& request;
  Respond respond;

  void fail(const Refusal& refusal) const { respond(error_response(refusal.status, refusal.code, refusal.message)); }
};

// A fault of ours, under the code of the route.
void fail(const Respond& respond, std::string_view code, const Error& error) {
  const bool passes = error.code == ErrorCode::unavailable || error.obstacle;
  respond(error_response(passes ? 503 : 500, code, error.message));
}

// Calls then(job) with the job that the path names.
template <typename Then>
void with_job(Call& call, Then then) {
  const auto number = job_number(call.request.path_parameter("id"));
  if (!number) return call.fail(number.error());
  call.views.find(
      *number, [respond = call.respond, number = *number, then = std::move(then)](Result<std::optional<JobView>> job) {
        if (!job) return fail(respond, "GET_JOB_ERROR", job.error());
        if (!*job) return respond(error_response(404, "JOB_NOT_FOUND", fmt::format("job '{}' not found", number)));
        then(**job);
      });
}

// ---- lists
// -------------------------------------------------------------------------------------------------------------------

Described described(JobViews& views, JobView job) {
  std::string members = members_text(job_members(job, views.node()), "descriptor");
  return {std::move(members), [&views, job = std::move(job)] { return views.configuration(job); }};
}

void answer(const Respond& respond, Result<Response> response) {
  if (!response) return fail(respond, "LIST_JOB_DESCRIPTORS_ERROR", response.error());
  respond(std::move(*response));
}

// Collects a page: one status of an execution may be shown as several of this dialect, so what is found is sifted, and
// the search goes on until the page is full.
struct Search {
  ListRequest wanted;
  std::optional<std::int64_t> below;
  std::vector<JobView> found;
};

void answer_page(JobViews& views, const Respond& respond, Search& search) {
  // An empty page has no cursor.
  const std::string after =
      search.found.empty() ? "]}" : fmt::format("],\"next_cursor\":{}}}", search.found.back().number);
  std::vector<Described> jobs;
  for (JobView& job : search.found) jobs.push_back(described(views, std::move(job)));
  answer(respond, answer_from(described_body("{\"jobs\":[", std::move(jobs), after), kJsonType));
}

void search_on(JobViews& views, const Respond& respond, std::shared_ptr<Search> search) {
  const auto& wanted = search->wanted;
  ListQuery query;
  query.window = CursorWindow{search->below, wanted.limit};
  if (wanted.statuses) query.statuses = executions_shown_as(*wanted.statuses);
  views.list(query, [&views, respond, search, limit = wanted.limit](Result<ListedJobs> listed) {
    if (!listed) return fail(respond, "LIST_JOBS_ERROR", listed.error());
    const auto& statuses = search->wanted.statuses;
    const bool is_last = !listed->window.next;
    search->below = listed->window.next;
    for (JobView& job : listed->jobs) {
      const bool is_wanted = !statuses || std::ranges::find(*statuses, status_of(job)) != statuses->end();
      if (is_wanted && static_cast<std::int64_t>(search->found.size()) < limit) search->found.push_back(std::move(job));
    }
    if (is_last || static_cast<std::int64_t>(search->found.size()) == limit)
      return answer_page(views, respond, *search);
    search_on(views, respond, search);
  });
}

void list_jobs(Call& call) {
  auto wanted = list_request(call.request);
  if (!wanted) return call.fail(wanted.error());
  auto search = std::make_shared<Search>(Search{std::move(*wanted), {}, {}});
  search->below = search->wanted.last_job_id;
  const auto& statuses = search->wanted.statuses;
  if (statuses && statuses->empty()) return answer_page(call.views, call.respond, *search);
  search_on(call.views, call.respond, std::move(search));
}

void get_job(Call& call) {
  with_job(call, [&views = call.views, respond = call.respond](const JobView& job) {
    auto response = answer_from(described_body("", {described(views, job)}, ""), kJsonType);
    if (!response) return fail(respond, "GET_DESCRIPTOR_ERROR", response.error());
    respond(std::move(*response));
  });
}

// ---- verbs
// -------------------------------------------------------------------------------------------------------------------

// Answers once the wish is durable; a client looks at the status until it is STOPPED.
void stop_job(Call& call) {
  with_job(call, [&service = call.service, respond = call.respond](const JobView& job) {
    if (is_terminal(status_of(job))) return respond(empty_response(200));
    StopRequest request;
    request.blocking = false;
    service.stop(job.execution->ex_id, request, [respond](const Result<StopAnswer>& stopped) {
      if (!stopped) return fail(respond, "STOP_JOB_ERROR", stopped.error());
      respond(empty_response(200));
    });
  });
}

// Goes on where the newest execution ended, so that no slice is done twice; a job that was never started begins.
void resume_job(Call& call) {
  with_job(call, [&service = call.service, respond = call.respond](const JobView& job) {
    const Status status = status_of(job);
    if (status == Status::scheduled || status == Status::running) return respond(empty_response(200));
    if (!is_terminal(status) || status == Status::completed)
      return respond(error_response(
          409, "JOB_CONFLICT",
          fmt::format("job '{}' cannot be resumed from current state: {}", job.number, to_string(status))));
    const auto answered = [respond](const Result<Submitted>& submitted) {
      if (!submitted) return fail(respond, "RESUME_JOB_ERROR", submitted.error());
      respond(empty_response(200));
    };
    if (job.execution && job.execution->has_ledger)
      service.recover_job(job.job_id, {}, answered);
    else
      service.start_job(job.job_id, {}, answered);
  });
}

void refuse_deletion(const Respond& respond, std::int64_t number, Status status) {
  respond(error_response(409, "JOB_CONFLICT",
                         fmt::format("job '{}' cannot be deleted from current state: {}", number, to_string(status))));
}

void delete_job(Call& call) {
  const auto number = job_number(call.request.path_parameter("id"));
  if (!number) return call.fail(number.error());
  call.views.find(*number, [&service = call.service, respond = call.respond](Result<std::optional<JobView>> job) {
    if (!job) return fail(respond, "GET_JOB_ERROR", job.error());
    if (!*job) return respond(empty_response(204));
    const Status status = status_of(**job);
    if (!is_terminal(status)) return refuse_deletion(respond, (*job)->number, status);
    service.delete_job((*job)->job_id, [respond, number = (*job)->number](const Result<ShownDocument>& deleted) {
      const bool is_gone =
          deleted || deleted.error().code == ErrorCode::gone || deleted.error().code == ErrorCode::not_found;
      if (is_gone) return respond(empty_response(204));
      if (deleted.error().code == ErrorCode::conflict) return refuse_deletion(respond, number, Status::scheduled);
      fail(respond, "DELETE_JOB_ERROR", deleted.error());
    });
  });
}

void delete_jobs(Call& call) {
  const auto statuses = deletion_request(call.request);
  if (!statuses) return call.fail(statuses.error());
  call.views.delete_ended(*statuses, [respond = call.respond](const Result<std::int64_t>& deleted) {
    if (!deleted) return fail(respond, "DELETE_JOBS_BY_STATUS_ERROR", deleted.error());
    respond(empty_response(204));
  });
}

// ---- events
// ------------------------------------------------------------------------------------------------------------------

void list_events(Call& call) {
  with_job(call, [&views = call.views, respond = call.respond](const JobView& job) {
    views.events(job.job_id, [&views, respond, number = job.number](const Result<std::vector<JobEvent>>& events) {
      if (!events) return fail(respond, "GET_JOB_EVENTS_ERROR", events.error());
      respond(json_response(events_json(number, shown_events(*events), views.node())));
    });
  });
}

void get_progress(Call& call) {
  with_job(call, [&views = call.views, respond = call.respond](const JobView& job) {
    views.sinks(job, [respond, job](const Result<std::vector<SinkView>>& sinks) {
      if (!sinks) return fail(respond, "GET_TABLES_ERROR", sinks.error());
      respond(json_response(progress_json(job, *sinks)));
    });
  });
}

// The event of a start has what was started, that of a failure its reason, any other one no detail.
Result<Response> event_response(JobViews& views, JobView job, const ShownEvent& shown) {
  const std::int64_t number = job.number;
  if (shown.type == Status::error || shown.type == Status::fatal)
    return json_response(event_json(number, shown, views.node(), failure_detail(shown.event->reason)));
  const Json event = event_json(number, shown, views.node(), {});
  if (shown.type != Status::scheduled) return json_response(event);
  job.execution = ExecutionView{};
  job.execution->ex_id = shown.event->ex_id;
  std::string members = to_compact_text(event);
  members.back() = ',';
  std::vector<Described> described{
      {members + "\"detail\":", [&views, job = std::move(job)] { return views.configuration(job); }}};
  return answer_from(described_body("", std::move(described), ""), kJsonType);
}

void get_event(Call& call) {
  const auto id = job_number(call.request.path_parameter("event_id"));
  if (!id) return call.fail(id.error());
  with_job(call, [&views = call.views, respond = call.respond, id = *id](const JobView& job) {
    views.events(job.job_id, [&views, respond, job, id](const Result<std::vector<JobEvent>>& events) {
      if (!events) return fail(respond, "GET_JOB_EVENT_ERROR", events.error());
      for (const ShownEvent& shown : shown_events(*events)) {
        if (shown.event->id != id) continue;
        auto response = event_response(views, job, shown);
        if (!response) return fail(respond, "GET_JOB_EVENT_ERROR", response.error());
        return respond(std::move(*response));
      }
      respond(error_response(404, "EVENT_NOT_FOUND", fmt::format("event '{}' not found for job '{}'", id, job.number)));
    });
  });
}

// ---- nodes
// -------------------------------------------------------------------------------------------------------------------

void list_workers(Call& call) {
  call.respond(json_response(workers_json(call.views.node(), call.service.wall_ms())));
}

bool is_node_name(std::string_view name) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto is_further = [&](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
  };
  return !name.empty() && is_letter(name.front()) && std::ranges::all_of(name, is_further);
}

void get_worker(Call& call) {
  const std::string& id = call.request.path_parameter("id");
  if (id == call.views.node().name)
    return call.respond(json_response(worker_json(call.views.node(), call.service.wall_ms())));
  if (!is_node_name(id))
    return call.respond(error_response(400, "INVALID_WORKER_ID", fmt::format("invalid worker ID: `{}`", id)));
  call.respond(error_response(404, "WORKER_NOT_FOUND", fmt::format("worker '{}' not found", id)));
}

void health(Call& call) {
  call.respond(empty_response(200));
}

struct Row {
  Method method;
  std::string_view pattern;
  void (*handle)(Call& call);
  RouteDoc doc;
};

constexpr ParameterDoc kListParameters[] = {
    {"limit", "integer", "How many jobs at most, 1 to 1000.", "50"},
    {"last_job_id", "integer", "Only jobs below this id: `next_cursor` of the page before."},
    {"status", "string", "`active`, `all`, or names of statuses with commas between them.", "active"}};
constexpr ParameterDoc kDeletionParameters[] = {
    {"status", "string", "Which of the ended jobs.", "", "terminal,completed,stopped,error"}};

constexpr Row kRows[] = {
    {Method::get, "/healthz", health, {.summary = "Whether the server answers", .role = Role::open}},
    {Method::get,
     "/jobs",
     list_jobs,
     {.summary = "Jobs, newest first", .role = Role::read, .parameters = kListParameters, .answer = "AmpJobs"}},
    {Method::del,
     "/jobs",
     delete_jobs,
     {.summary = "Deletes ended jobs in one transaction",
      .role = Role::write,
      .parameters = kDeletionParameters,
      .status = 204}},
    {Method::get,
     "/jobs/:id",
     get_job,
     {.summary = "A job with what it was started with", .role = Role::read, .answer = "AmpJob"}},
    {Method::del,
     "/jobs/:id",
     delete_job,
     {.summary = "Deletes a job that has ended", .role = Role::write, .status = 204}},
    {Method::put, "/jobs/:id/stop", stop_job, {.summary = "Asks a job to stop", .role = Role::write}},
    {Method::put,
     "/jobs/:id/resume",
     resume_job,
     {.summary = "Goes on with a job that has ended", .role = Role::write, .ours = true}},
    {Method::get,
     "/jobs/:id/progress",
     get_progress,
     {.summary = "How far each output of a job is", .role = Role::read, .answer = "AmpProgress"}},
    {Method::get,
     "/jobs/:id/events",
     list_events,
     {.summary = "Each change of the status of a job", .role = Role::read, .answer = "AmpEvents"}},
    {Method::get,
     "/jobs/:id/events/:event_id",
     get_event,
     {.summary = "One change of the status with its detail", .role = Role::read, .answer = "AmpEvent"}},
    {Method::get,
     "/workers",
     list_workers,
     {.summary = "The machines that work", .role = Role::read, .answer = "AmpWorkers"}},
    {Method::get,
     "/workers/:id",
     get_worker,
     {.summary = "One machine and its version", .role = Role::read, .answer = "AmpWorker"}},
};

// The bodies above; in the document they stand beside those of other dialects.
constexpr std::string_view kSchemas = R"json({
  "AmpError": {
    "type": "object",
    "required": ["error_code", "error_message"],
    "properties": {"error_code": {"type": "string"}, "error_message": {"type": "string"}}
  },
  "AmpId": {"type": "integer", "minimum": 1},
  "AmpTime": {"type": "string", "format": "date-time"},
  "AmpStatus": {
    "enum": ["SCHEDULED", "RUNNING", "STOP_REQUESTED", "STOPPING", "STOPPED", "COMPLETED", "ERROR", "FATAL"]
  },
  "AmpJob": {
    "type": "object",
    "required": ["id", "created_at", "updated_at", "node_id", "status", "descriptor"],
    "properties": {
      "id": {"$ref": "#/components/schemas/AmpId"},
      "created_at": {"$ref": "#/components/schemas/AmpTime"},
      "updated_at": {"$ref": "#/components/schemas/AmpTime"},
      "node_id": {"type": "string"},
      "status": {"$ref": "#/components/schemas/AmpStatus"},
      "descriptor": {"type": ["object", "null"], "properties": {"kind": {"const": "slicemill"}}}
    }
  },
  "AmpJobs": {
    "type": "object",
    "required": ["jobs"],
    "properties": {
      "jobs": {"type": "array", "items": {"$ref": "#/components/schemas/AmpJob"}},
      "next_cursor": {"$ref": "#/components/schemas/AmpId"}
    }
  },
  "AmpEvent": {
    "type": "object",
    "required": ["id", "created_at", "node_id", "event_type"],
    "properties": {
      "id": {"$ref": "#/components/schemas/AmpId"},
      "job_id": {"$ref": "#/components/schemas/AmpId"},
      "created_at": {"$ref": "#/components/schemas/AmpTime"},
      "node_id": {"type": "string"},
      "event_type": {"$ref": "#/components/schemas/AmpStatus"},
      "detail": {"type": "object"}
    }
  },
  "AmpEvents": {
    "type": "object",
    "required": ["job_id", "events"],
    "properties": {
      "job_id": {"$ref": "#/components/schemas/AmpId"},
      "events": {"type": "array", "items": {"$ref": "#/components/schemas/AmpEvent"}}
    }
  },
  "AmpProgress": {
    "type": "object",
    "required": ["job_id", "job_status", "tables"],
    "properties": {
      "job_id": {"$ref": "#/components/schemas/AmpId"},
      "job_status": {"$ref": "#/components/schemas/AmpStatus"},
      "tables": {
        "type": "object",
        "additionalProperties": {
          "type": "object",
          "required": ["current_block", "start_block", "files_count", "total_size_bytes"],
          "additionalProperties": false,
          "properties": {
            "current_block": {"type": ["integer", "null"]},
            "start_block": {"type": ["integer", "null"]},
            "files_count": {"type": "integer", "minimum": 0},
            "total_size_bytes": {"type": "integer", "minimum": 0}
          }
        }
      },
      "detail": {"type": "object"}
    }
  },
  "AmpWorkers": {
    "type": "object",
    "required": ["workers"],
    "properties": {
      "workers": {
        "type": "array",
        "items": {
          "type": "object",
          "required": ["node_id", "heartbeat_at"],
          "properties": {"node_id": {"type": "string"}, "heartbeat_at": {"$ref": "#/components/schemas/AmpTime"}}
        }
      }
    }
  },
  "AmpWorker": {
    "type": "object",
    "required": ["node_id", "info", "created_at", "registered_at", "heartbeat_at"],
    "properties": {
      "node_id": {"type": "string"},
      "info": {"type": "object", "additionalProperties": {"type": "string"}},
      "created_at": {"$ref": "#/components/schemas/AmpTime"},
      "registered_at": {"$ref": "#/components/schemas/AmpTime"},
      "heartbeat_at": {"$ref": "#/components/schemas/AmpTime"}
    }
  }
})json";

}  // namespace

Dialect dialect(JobService& service, JobViews& views, std::string prefix) {
  Dialect out;
  out.name = "Amp";
  out.prefixes = {std::move(prefix)};
  for (const Row& row : kRows) {
    out.routes.push_back({.method = row.method,
                          .pattern = std::string(row.pattern),
                          .handler =
                              [&service, &views, &row](Request& request, const Respond& respond) {
                                Call call{service, views, request, respond};
                                row.handle(call);
                              },
                          .doc = row.doc});
  }
  out.schemas = [] { return Json::parse(kSchemas); };
  out.error_schema = "AmpError";
  out.error = [](int status, std::string_view message) {
    return error_response(status, status < 500 ? "INVALID_REQUEST" : "INTERNAL_ERROR", message);
  };
  out.unknown = [](const Request&, std::span<const Method> allowed) {
    return empty_response(allowed.empty() ? 404 : 405);
  };
  return out;
}

}  // namespace slicemill::api::amp
