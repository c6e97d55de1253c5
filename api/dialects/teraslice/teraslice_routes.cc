#include "api/dialects/teraslice/teraslice_routes.h"

#include <fmt/core.h>

#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/dialects/teraslice/asset_routes.h"
#include "api/dialects/teraslice/document_answers.h"
#include "api/dialects/teraslice/document_schemas.h"
#include "api/dialects/teraslice/log_following.h"
#include "api/dialects/teraslice/response_cache.h"
#include "api/dialects/teraslice/route_docs.h"
#include "api/dialects/teraslice/teraslice_arguments.h"
#include "api/dialects/teraslice/teraslice_json.h"
#include "api/dialects/teraslice/teraslice_tables.h"
#include "api/dialects/teraslice/text_table.h"
#include "core/runtime/log.h"

namespace slicemill::api::teraslice {
namespace {

// Where the answer of one call goes. Copied into the reply.
struct Answer {
  Respond respond;
  const ErrorTable& errors;       // of the route
  std::string_view failure_text;  // of the route, for errors without a message

  void ok(const Json& body) const { respond(json_response(body)); }
  void fail(const Error& error) const { respond(error_response(errors, error, failure_text)); }
  void fail(const Refusal& refusal) const { respond(error_response(refusal.status, refusal.message, refusal.details)); }

  // The reply that answers with to_json(value).
  template <typename T, typename ToJson>
  Reply<T> as(ToJson to_json) const {
    return [answer = *this, to_json = std::move(to_json)](Result<T> result) {
      if (!result) return answer.fail(result.error());
      answer.ok(to_json(std::move(*result)));
    };
  }

  Reply<Json> document() const {
    return as<Json>([](Json document) { return document; });
  }
  Reply<std::vector<Json>> list() const {
    return as<std::vector<Json>>([](std::vector<Json> items) {
      Json array = Json::array();
      for (Json& item : items) array.push_back(std::move(item));
      return array;
    });
  }
  Reply<ShownDocument> shown_document() const {
    return [answer = *this](Result<ShownDocument> document) {
      if (!document) return answer.fail(document.error());
      answer.give(document_answer(std::move(*document)));
    };
  }
  Reply<ListedDocuments> shown_list() const {
    return [answer = *this](Result<ListedDocuments> listed) {
      if (!listed) return answer.fail(listed.error());
      answer.give(with_window(list_answer(std::move(listed->documents)), listed->window));
    };
  }
  void give(Result<Response> response) const {
    if (!response) return fail(response.error());
    respond(std::move(*response));
  }
};

struct Call {
  JobService& service;
  const Request& request;
  Json body;
  Answer answer;
  std::shared_ptr<ResponseCache> kept;
  YamlNotes notes;  // on the body

  JobId job_id() const { return JobId(request.path_parameter("id")); }
};

// Answers as it was answered last if nothing has changed since. Otherwise hands out where the answer goes, and keeps
// it.
template <typename Compute>
void answer_cached(Call& call, const Compute& compute) {
  const auto revision = call.service.revision();
  if (!revision) return compute(call.answer);
  if (const Response* same = call.kept->find(call.request.target, *revision)) return call.answer.respond(*same);
  Answer answer = call.answer;
  answer.respond = [respond = call.answer.respond, kept = call.kept, target = call.request.target,
                    revision = *revision](Response response) {
    if (response.status == 200 && !response.source) kept->keep(target, revision, response);
    respond(std::move(response));
  };
  compute(answer);
}

using Handle = void (*)(Call& call);
using ExecutionHandle = void (*)(Call& call, const ExecutionId& id);

// Leaves the handler with the answer to an error, otherwise declares `name` as the value.
#define ARGUMENT_OR_FAIL(name, expression)                            \
  auto name##_result = (expression);                                  \
  if (!name##_result) return call.answer.fail(name##_result.error()); \
  auto& name = *name##_result

// ---- one execution: named by the path, or as the latest one of a job
// ---------------------------------------------------------

template <ExecutionHandle handle>
void of_execution(Call& call) {
  handle(call, ExecutionId(call.request.path_parameter("id")));
}

template <ExecutionHandle handle>
void of_job(Call& call) {
  ARGUMENT_OR_FAIL(id, call.service.latest_execution(call.job_id()));
  handle(call, id);
}

void get_execution(Call& call, const ExecutionId& id) {
  answer_cached(call, [&](const Answer& answer) { call.service.get_execution(id, answer.shown_document()); });
}

void remove_execution(Call& call, const ExecutionId& id) {
  call.service.remove_execution(id, call.answer.document());
}

void stop(Call& call, const ExecutionId& id) {
  ARGUMENT_OR_FAIL(wanted, stop_request(call.request));
  call.service.stop(id, wanted, call.answer.as<StopAnswer>([id, wanted](const StopAnswer& answer) {
    return stop_json(id, wanted, answer);
  }));
}

void pause(Call& call, const ExecutionId& id) {
  call.service.pause(id, call.answer.as<ExecutionStatus>(status_json));
}

void resume(Call& call, const ExecutionId& id) {
  call.service.resume(id, call.answer.as<ExecutionStatus>(status_json));
}

void change_workers(Call& call, const ExecutionId& id) {
  ARGUMENT_OR_FAIL(wanted, workers_request(call.request));
  call.service.change_workers(
      id, wanted.change, wanted.count,
      call.answer.as<WorkersAnswer>([id](const WorkersAnswer& answer) { return workers_json(id, answer); }));
}

void controller_stats(Call& call, const ExecutionId& id) {
  call.service.controller_stats(id, [id, answer = call.answer](const Result<ControllerView>& view) {
    if (view) return answer.ok(Json::array({controller_json(*view)}));
    if (view.error().code != ErrorCode::not_found) return answer.fail(view.error());
    answer.fail(Error{ErrorCode::not_found, fmt::format("Could not find active slicer for ex_id: {}", id.text)});
  });
}

void execution_errors(Call& call, const ExecutionId& id) {
  ARGUMENT_OR_FAIL(query, slice_list_query(call.request, call.service.wall_ms()));
  call.service.errors(id, query, call.answer.list());
}

void execution_log(Call& call, const ExecutionId& id) {
  ARGUMENT_OR_FAIL(query, log_query(call.request));
  const bool follows = wants_to_follow(call.request);
  call.service.read_log(id, query,
                        [&service = call.service, id, query, follows, answer = call.answer](Result<LogPart> part) {
                          if (!part) return answer.fail(part.error());
                          if (!follows) return answer.respond(log_response(std::move(*part)));
                          Response response{200, "text/plain; charset=utf-8", "", {}};
                          response.source = follow_log(service, id, query, std::move(*part));
                          answer.respond(std::move(response));
                        });
}

void execution_history(Call& call, const ExecutionId& id) {
  call.service.history(id, call.answer.list());
}

void execution_tasks(Call& call, const ExecutionId& id) {
  ARGUMENT_OR_FAIL(query, own_page_query(call.request));
  call.service.tries(id, query, call.answer.list());
}

void execution_quarantine(Call& call, const ExecutionId& id) {
  ARGUMENT_OR_FAIL(query, own_page_query(call.request));
  call.service.quarantine(id, query, call.answer.list());
}

// ---- jobs
// --------------------------------------------------------------------------------------------------------------------

void add_notes(const YamlNotes& notes, std::vector<JobWarning>& warnings) {
  const auto noted = warnings_of(notes);
  warnings.insert(warnings.begin(), noted.begin(), noted.end());
}

// What is to be said of the posted text goes before the rest.
Reply<Submitted> submitted_reply(const Call& call) {
  return call.answer.as<Submitted>([notes = call.notes](Submitted submitted) {
    add_notes(notes, submitted.warnings);
    return submitted_json(submitted);
  });
}

void redrive(Call& call, const ExecutionId& id) {
  ARGUMENT_OR_FAIL(wanted, redrive_request(call.body));
  call.service.redrive(id, std::move(wanted), submitted_reply(call));
}

void submit_job(Call& call) {
  ARGUMENT_OR_FAIL(job, posted_job(std::move(call.body)));
  ARGUMENT_OR_FAIL(key, idempotency_key(call.request));
  Answer answer = call.answer;
  call.service.submit(std::move(job), {start_wanted(call.request), std::move(key)},
                      [answer, notes = call.notes](Result<Submitted> submitted) {
                        if (!submitted) return answer.fail(submitted.error());
                        add_notes(notes, submitted->warnings);
                        Response response = json_response(submitted_json(*submitted));
                        if (submitted->is_repeated) response.headers.push_back({"Idempotency-Replayed", "true"});
                        answer.respond(std::move(response));
                      });
}

void list_jobs(Call& call) {
  ARGUMENT_OR_FAIL(query, job_list_query(call.request, call.service.wall_ms()));
  if (query.filter) return call.service.list_jobs(query, call.answer.shown_list());  // it may look at the clock
  answer_cached(call, [&](const Answer& answer) { call.service.list_jobs(query, answer.shown_list()); });
}

void get_job(Call& call) {
  answer_cached(call, [&](const Answer& answer) {
    call.service.get_job(call.job_id(), execution_fields(call.request), answer.shown_document());
  });
}

void update_job(Call& call) {
  JobId id = call.job_id();
  ARGUMENT_OR_FAIL(job, job_update(id.text, std::move(call.body)));
  const Answer answer = call.answer;
  call.service.update_job(id, std::move(job), [answer, notes = call.notes](Result<UpdatedJob> updated) {
    if (!updated) return answer.fail(updated.error());
    add_notes(notes, updated->warnings);
    answer.give(document_answer(updated_document(std::move(*updated))));
  });
}

void delete_job(Call& call) {
  call.service.delete_job(call.job_id(), call.answer.shown_document());
}

template <bool active>
void set_active(Call& call) {
  call.service.set_job_active(call.job_id(), active, call.answer.shown_document());
}

void start_job(Call& call) {
  ARGUMENT_OR_FAIL(wanted, start_request(call.body));
  call.service.start_job(call.job_id(), std::move(wanted), submitted_reply(call));
}

void recover_job(Call& call) {
  ARGUMENT_OR_FAIL(wanted, recover_request(call.request, call.body));
  call.service.recover_job(call.job_id(), std::move(wanted), submitted_reply(call));
}

void change_settings(Call& call) {
  ARGUMENT_OR_FAIL(level, log_level(call.request, call.body));
  call.service.set_log_level(call.job_id(), level, call.answer.as<ExecutionId>([level](const ExecutionId& id) {
    return log_level_json(id, level);
  }));
}

// ---- executions
// --------------------------------------------------------------------------------------------------------------

void list_executions(Call& call) {
  ARGUMENT_OR_FAIL(query, execution_list_query(call.request, call.service.wall_ms()));
  if (query.filter) return call.service.list_executions(query, call.answer.shown_list());  // it may look at the clock
  answer_cached(call, [&](const Answer& answer) { call.service.list_executions(query, answer.shown_list()); });
}

void recover_execution(Call& call) {
  ARGUMENT_OR_FAIL(wanted, recover_request(call.request, call.body));
  call.service.recover(ExecutionId(call.request.path_parameter("id")), std::move(wanted), submitted_reply(call));
}

void all_errors(Call& call) {
  ARGUMENT_OR_FAIL(query, slice_list_query(call.request, call.service.wall_ms()));
  call.service.errors(std::nullopt, query, call.answer.list());
}

// ---- cluster
// -----------------------------------------------------------------------------------------------------------------

void cluster_info(Call& call) {
  call.answer.ok(call.service.cluster_info());
}
void cluster_state(Call& call) {
  answer_cached(call, [&](const Answer& answer) { answer.ok(call.service.cluster_state()); });
}
void cluster_stats(Call& call) {
  call.answer.ok(cluster_counters_json(call.service.cluster_counters()));
}
void controllers(Call& call) {
  call.answer.ok(controllers_json(call.service.controllers()));
}
void health(Call& call) {
  Json health = {{"status", "UP"}};
  if (auto obstacle = call.service.obstacle(); !obstacle.empty()) health["obstacle"] = std::move(obstacle);
  call.answer.ok(std::move(health));
}

// ---- text tables
// ------------------------------------------------------------------------------------------------------------

void table_of(Call& call, std::span<const Json> rows, std::span<const std::string_view> columns) {
  call.answer.respond(table_response(call.request, rows, columns));
}

// Prints what a list answers.
Reply<ListedDocuments> table_reply(const Call& call, std::vector<std::string_view> columns) {
  return [answer = call.answer, request = call.request, columns = std::move(columns)](Result<ListedDocuments> listed) {
    if (!listed) return answer.fail(listed.error());
    answer.give(with_window(table_answer(request, std::move(listed->documents), columns), listed->window));
  };
}

// Whether the list of a table holds deleted ones, as its column of deletions shows.
bool shows_deletion(const Call& call) {
  return call.request.query_value("deleted").value_or("false") != "false";
}

void worker_table(Call& call) {
  ARGUMENT_OR_FAIL(page, page_query(call.request));
  table_of(call, page_of(worker_rows(call.service.cluster_state()), page), worker_columns());
}

void node_table(Call& call) {
  ARGUMENT_OR_FAIL(page, page_query(call.request));
  table_of(call, page_of(node_rows(call.service.cluster_state()), page), node_columns());
}

void controller_table(Call& call) {
  ARGUMENT_OR_FAIL(page, page_query(call.request));
  const Json sorted = controllers_json(call.service.controllers());
  table_of(call, page_of({sorted.begin(), sorted.end()}, page), controller_columns());
}

void job_table(Call& call) {
  ARGUMENT_OR_FAIL(query, job_list_query(call.request, call.service.wall_ms()));
  call.service.list_jobs(query, table_reply(call, job_columns(shows_deletion(call))));
}

void execution_table(Call& call) {
  ARGUMENT_OR_FAIL(query, execution_list_query(call.request, call.service.wall_ms()));
  call.service.list_executions(query, table_reply(call, execution_columns(shows_deletion(call))));
}

struct Row {
  Method method;
  std::string_view pattern;
  Handle handle;
  const RouteDoc& doc;
  std::string_view failure_text;
  const ErrorTable& (*errors)() = error_table;
};

constexpr Row kRows[] = {
    {Method::get, "/", cluster_info, docs::kClusterInfo, "Could not get cluster info"},
    {Method::get, "/health", health, docs::kHealth, ""},
    {Method::get, "/cluster/state", cluster_state, docs::kClusterState, "Could not get cluster state"},
    {Method::get, "/cluster/stats", cluster_stats, docs::kClusterStats, "Could not get cluster stats"},
    {Method::get, "/cluster/controllers", controllers, docs::kControllers, "Could not get controllers"},
    {Method::get, "/cluster/slicers", controllers, docs::kControllers, "Could not get controllers"},

    {Method::post, "/jobs", submit_job, docs::kSubmitJob, "Job submission failed", job_error_table},
    {Method::get, "/jobs", list_jobs, docs::kListJobs, "Could not list jobs"},
    {Method::get, "/jobs/:id", get_job, docs::kGetJob, "Could not get job"},
    {Method::put, "/jobs/:id", update_job, docs::kUpdateJob, "Could not update job", job_error_table},
    {Method::del, "/jobs/:id", delete_job, docs::kDeleteJob, "Could not delete job"},
    {Method::get, "/jobs/:id/ex", of_job<get_execution>, docs::kGetExecution, "Could not get execution of job"},
    {Method::post, "/jobs/:id/_active", set_active<true>, docs::kSetActive, "Could not change active state of job"},
    {Method::post, "/jobs/:id/_inactive", set_active<false>, docs::kSetActive, "Could not change active state of job"},
    {Method::post, "/jobs/:id/_start", start_job, docs::kStartJob, "Could not start job", job_error_table},
    {Method::post, "/jobs/:id/_recover", recover_job, docs::kRecover, "Could not recover job", job_error_table},
    {Method::post, "/jobs/:id/_settings", change_settings, docs::kChangeSettings, "Could not change settings of job",
     settings_error_table},
    {Method::post, "/jobs/:id/_stop", of_job<stop>, docs::kStop, "Could not stop execution"},
    {Method::post, "/jobs/:id/_pause", of_job<pause>, docs::kPause, "Could not pause execution"},
    {Method::post, "/jobs/:id/_resume", of_job<resume>, docs::kResume, "Could not resume execution"},
    {Method::post, "/jobs/:id/_workers", of_job<change_workers>, docs::kChangeWorkers,
     "Could not change workers of execution"},
    {Method::get, "/jobs/:id/controller", of_job<controller_stats>, docs::kController, "Could not get controller"},
    {Method::get, "/jobs/:id/slicer", of_job<controller_stats>, docs::kController, "Could not get controller"},
    {Method::get, "/jobs/:id/errors", of_job<execution_errors>, docs::kErrors, "Could not get errors of job"},
    {Method::get, "/jobs/:id/tasks", of_job<execution_tasks>, docs::kTasks, "Could not get tasks of job"},
    {Method::get, "/jobs/:id/quarantine", of_job<execution_quarantine>, docs::kQuarantine,
     "Could not get quarantined records of job"},
    {Method::post, "/jobs/:id/quarantine/_redrive", of_job<redrive>, docs::kRedrive, "Could not redrive job",
     job_error_table},

    {Method::get, "/ex", list_executions, docs::kListExecutions, "Could not list executions"},
    {Method::get, "/ex/errors", all_errors, docs::kAllErrors, "Could not get errors"},
    {Method::get, "/ex/:id", of_execution<get_execution>, docs::kGetExecution, "Could not get execution"},
    {Method::del, "/ex/:id", of_execution<remove_execution>, docs::kRemoveExecution, "Could not remove execution"},
    {Method::post, "/ex/:id/_stop", of_execution<stop>, docs::kStop, "Could not stop execution"},
    {Method::post, "/ex/:id/_pause", of_execution<pause>, docs::kPause, "Could not pause execution"},
    {Method::post, "/ex/:id/_resume", of_execution<resume>, docs::kResume, "Could not resume execution"},
    {Method::post, "/ex/:id/_recover", recover_execution, docs::kRecover, "Could not recover execution",
     job_error_table},
    {Method::post, "/ex/:id/_workers", of_execution<change_workers>, docs::kChangeWorkers,
     "Could not change workers of execution"},
    {Method::get, "/ex/:id/controller", of_execution<controller_stats>, docs::kController, "Could not get controller"},
    {Method::get, "/ex/:id/slicer", of_execution<controller_stats>, docs::kController, "Could not get controller"},
    {Method::get, "/ex/:id/errors", of_execution<execution_errors>, docs::kErrors, "Could not get errors of execution"},
    {Method::get, "/ex/:id/logs", of_execution<execution_log>, docs::kLogs, "Could not get log of execution"},
    {Method::get, "/ex/:id/history", of_execution<execution_history>, docs::kHistory,
     "Could not get history of execution"},
    {Method::get, "/ex/:id/tasks", of_execution<execution_tasks>, docs::kTasks, "Could not get tasks of execution"},
    {Method::get, "/ex/:id/quarantine", of_execution<execution_quarantine>, docs::kQuarantine,
     "Could not get quarantined records of execution"},
    {Method::post, "/ex/:id/quarantine/_redrive", of_execution<redrive>, docs::kRedrive, "Could not redrive execution",
     job_error_table},
};

// Mounted without a prefix only.
constexpr Row kTableRows[] = {
    {Method::get, "/txt/workers", worker_table, docs::kWorkerTable, "Could not get workers"},
    {Method::get, "/txt/nodes", node_table, docs::kNodeTable, "Could not get nodes"},
    {Method::get, "/txt/jobs", job_table, docs::kTableOfJobs, "Could not list jobs"},
    {Method::get, "/txt/ex", execution_table, docs::kTableOfExecutions, "Could not list executions"},
    {Method::get, "/txt/controllers", controller_table, docs::kTableOfControllers, "Could not get controllers"},
    {Method::get, "/txt/slicers", controller_table, docs::kTableOfControllers, "Could not get controllers"},
};

// As the router treats what a handler throws.
template <typename Action>
void guarded(const Request& request, const Respond& respond, const Action& action) {
  try {
    action();
  } catch (const std::exception& thrown) {
    log(LogLevel::error, "{} {}: unexpected exception: {}", request.method_text, request.target, thrown.what());
    respond(error_response(500, fmt::format("internal error: {}", thrown.what())));
  }
}

bool has_body(Method method) {
  return method == Method::post || method == Method::put;
}

// A request with its body as a value.
struct ReadRequest {
  Request request;
  YamlNotes notes;
  Argument<Json> body = Json::object();

  void read() {
    body = parse_body(request, &notes);
    request.body = std::string();
  }
};

void handle(JobService& service, const std::shared_ptr<ResponseCache>& kept, const Row& row, ReadRequest& read,
            const Respond& respond) {
  const Answer answer{respond, row.errors(), row.failure_text};
  if (!read.body) return answer.fail(read.body.error());
  Call call{service, read.request, std::move(*read.body), answer, kept, std::move(read.notes)};
  row.handle(call);
}

Route route_of(JobService& service, const std::shared_ptr<ResponseCache>& kept, const Row& row) {
  return {row.method, std::string(row.pattern),
          [&service, kept, &row](Request& request, const Respond& respond) {
            auto read = std::make_shared<ReadRequest>(ReadRequest{std::move(request), {}, Json::object()});
            if (!has_body(row.method)) return handle(service, kept, row, *read, respond);
            if (read->request.body.size() <= kLargeDocument) {
              read->read();
              return handle(service, kept, row, *read, respond);
            }
            service.run_beside([read] { read->read(); },
                               [&service, kept, &row, read, respond] {
                                 read->request.body_hold.reset();
                                 guarded(read->request, respond, [&] { handle(service, kept, row, *read, respond); });
                               });
          },
          nullptr, row.doc};
}

}  // namespace

Dialect dialect(JobService& service, AssetService& assets) {
  Dialect out;
  out.name = "Teraslice";
  out.prefixes = {"", "/v1"};
  const auto kept = std::make_shared<ResponseCache>();
  for (const Row& row : kRows) out.routes.push_back(route_of(service, kept, row));
  for (const Row& row : kTableRows) out.unprefixed_routes.push_back(route_of(service, kept, row));
  for (Route& route : asset_routes(assets)) out.routes.push_back(std::move(route));
  for (Route& route : asset_table_routes(assets)) out.unprefixed_routes.push_back(std::move(route));
  out.schemas = document_schemas;
  out.error = [](int status, std::string_view message) { return error_response(status, message); };
  out.unknown = [](const Request& request, std::span<const Method>) {
    return error_response(405, fmt::format("cannot {} endpoint {}", request.method_text, request.target));
  };
  return out;
}

}  // namespace slicemill::api::teraslice
