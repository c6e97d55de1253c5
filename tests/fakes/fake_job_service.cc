#include "tests/fakes/fake_job_service.h"

#include <utility>
#include <variant>

#include "core/model/stats_v0.h"

namespace slicemill {
namespace {

std::string sort_text(const std::vector<query::SortKey>& keys) {
  if (keys.empty()) return "_updated:desc";
  std::string text;
  for (const query::SortKey& key : keys)
    text.append(text.empty() ? "" : ",").append(key.field->name).append(key.descending ? ":desc" : ":asc");
  return text;
}

Json to_json(const std::optional<ExecutionFields>& fields) {
  return fields ? Json(fields->names) : Json();
}

Json to_json(const RecordQuery& query) {
  Json out = {{"from", query.from}, {"size", query.size}, {"sort", sort_text(query.sort)}};
  out["filter"] = query.filter ? Json(query.filter->text) : Json();
  return out;
}

// [kind, holder, name, field, description], kinds and holders by their number.
std::vector<JobWarning> to_warnings(const Json& list) {
  std::vector<JobWarning> warnings;
  for (const Json& item : list) {
    JobWarning warning;
    warning.kind = static_cast<JobWarning::Kind>(item.at(0).get<int>());
    warning.holder = static_cast<JobWarning::Holder>(item.at(1).get<int>());
    warning.name = item.at(2).get<std::string>();
    warning.field = item.at(3).get<std::string>();
    warning.description = item.at(4).get<std::string>();
    warnings.push_back(std::move(warning));
  }
  return warnings;
}

Submitted to_submitted(const Json& answer) {
  Submitted out;
  out.job_id = JobId(answer.at("job_id").get<std::string>());
  out.ex_id = ExecutionId(answer.value("ex_id", ""));
  out.warnings = to_warnings(answer.value("warnings", Json::array()));
  out.is_repeated = answer.value("repeated", false);
  if (answer.contains("config")) out.config = parse_config_source(answer["config"].get<std::string>());
  return out;
}

// {ex_id, job_id, name} and the figures as older programs stored them.
ControllerView to_controller(const Json& answer) {
  auto stats = stats_from_json(to_compact_text(answer));
  return {ExecutionId(answer.value("ex_id", "")), JobId(answer.value("job_id", "")), answer.value("name", ""),
          stats ? *std::move(stats) : Stats()};
}

Json with_params(Json arguments, Json params) {
  if (!params.empty()) arguments["params"] = std::move(params);
  return arguments;
}

Json with_request(Json arguments, RecoverRequest request) {
  arguments["cleanup"] = to_string(request.cleanup);
  if (request.config) arguments["config"] = to_string(*request.config);
  return with_params(std::move(arguments), std::move(request.params));
}

ExecutionStatus to_status(const Json& answer) {
  return *parse_execution_status(answer.get<std::string>());
}

std::vector<std::string> texts_of(const std::vector<Json>& items) {
  std::vector<std::string> texts;
  for (const Json& item : items) texts.push_back(to_compact_text(item));
  return texts;
}

}  // namespace

Json to_json(const ListQuery& query) {
  Json out = {{"deleted", query.deleted}};
  if (const auto* page = std::get_if<PageWindow>(&query.window)) {
    out.update({{"from", page->from}, {"size", page->size}, {"sort", sort_text(query.sort)}});
    if (page->with_total) out["total"] = true;
  } else {
    const auto& cursor = std::get<CursorWindow>(query.window);
    out.update({{"below", cursor.below ? Json(*cursor.below) : Json()}, {"size", cursor.size}});
  }
  out["statuses"] = Json();
  if (query.statuses) {
    out["statuses"] = Json::array();
    for (const auto status : *query.statuses) out["statuses"].push_back(to_string(status));
  }
  out["active"] = query.active ? Json(*query.active) : Json();
  out["filter"] = query.filter ? Json(query.filter->text) : Json();
  if (query.words) out["words"] = query.words->text;
  out["ex"] = to_json(query.execution_fields);
  return out;
}

void FakeJobService::answer(const std::string& call, Json value) {
  answers_.insert_or_assign(call, std::move(value));
}
void FakeJobService::fail(const std::string& call, Error error) {
  answers_.insert_or_assign(call, std::move(error));
}
void FakeJobService::answer_list(const std::string& call, std::vector<Json> items) {
  lists_.insert_or_assign(call, texts_of(items));
}
void FakeJobService::hold(const std::string& call) {
  on_hold_.insert(call);
}

void FakeJobService::release(const std::string& call) {
  on_hold_.erase(call);
  for (auto& task : std::exchange(held_[call], {})) task();
}

void FakeJobService::drop(const std::string& call) {
  on_hold_.erase(call);
  held_.erase(call);
}

Result<Json> FakeJobService::answer_of(const std::string& call) const {
  auto found = answers_.find(call);
  if (found == answers_.end()) return Error(ErrorCode::internal, "the test has set no answer for " + call);
  if (const Error* error = std::get_if<Error>(&found->second)) return *error;
  return std::get<Json>(found->second);
}

void FakeJobService::record(const std::string& call, Json arguments) {
  if (!recording_) return;
  Json entry = {{"call", call}};
  entry.update(arguments);
  calls.push_back(std::move(entry));
}

template <typename T, typename Convert>
void FakeJobService::give(const std::string& call, Json arguments, Reply<T> reply, Convert convert) {
  record(call, std::move(arguments));
  auto task = [this, call, reply = std::move(reply), convert] {
    auto answer = answer_of(call);
    if (answer)
      reply(convert(*answer));
    else
      reply(answer.error());
  };
  if (on_hold_.contains(call))
    held_[call].push_back(std::move(task));
  else
    task();
}

void FakeJobService::give_documents(const std::string& call, Json arguments, Reply<ListedDocuments> reply) {
  if (auto list = lists_.find(call); list != lists_.end()) {
    record(call, std::move(arguments));
    return reply(ListedDocuments{list_of(list->second), window});
  }
  give<ListedDocuments>(call, std::move(arguments), std::move(reply), [this](const Json& answer) {
    return ListedDocuments{list_of(texts_of(answer.get<std::vector<Json>>())), window};
  });
}

void FakeJobService::give_list(const std::string& call, Json arguments, Reply<std::vector<Json>> reply) {
  give<std::vector<Json>>(call, std::move(arguments), std::move(reply),
                          [](const Json& answer) { return answer.get<std::vector<Json>>(); });
}

namespace {
Json as_is(const Json& answer) {
  return answer;
}
ShownDocument as_shown(const Json& answer) {
  return {to_compact_text(answer), {}, {}, {}};
}
}  // namespace

void FakeJobService::run_beside(std::function<void()> work, std::function<void()> done) {
  work();
  done();
}

void FakeJobService::submit(Json posted, SubmitRequest request, Reply<Submitted> reply) {
  Json arguments = {{"posted", std::move(posted)}, {"start", request.start}};
  if (!request.key.empty()) arguments["key"] = request.key;
  give<Submitted>("submit", std::move(arguments), std::move(reply), to_submitted);
}
void FakeJobService::list_jobs(const ListQuery& query, Reply<ListedDocuments> reply) {
  give_documents("list_jobs", to_json(query), std::move(reply));
}
void FakeJobService::get_job(const JobId& id, const std::optional<ExecutionFields>& fields,
                             Reply<ShownDocument> reply) {
  give<ShownDocument>("get_job", {{"job_id", id.text}, {"ex", to_json(fields)}}, std::move(reply), as_shown);
}
void FakeJobService::update_job(const JobId& id, Json posted, Reply<UpdatedJob> reply) {
  // The warnings of an answer stand in the document as {"fake_warnings": [...]}.
  give<UpdatedJob>("update_job", {{"job_id", id.text}, {"posted", std::move(posted)}}, std::move(reply),
                   [](Json answer) {
                     auto warnings = to_warnings(answer.value("fake_warnings", Json::array()));
                     answer.erase("fake_warnings");
                     return UpdatedJob{as_shown(answer), std::move(warnings)};
                   });
}
void FakeJobService::delete_job(const JobId& id, Reply<ShownDocument> reply) {
  give<ShownDocument>("delete_job", {{"job_id", id.text}}, std::move(reply), as_shown);
}
void FakeJobService::set_job_active(const JobId& id, bool active, Reply<ShownDocument> reply) {
  give<ShownDocument>("set_job_active", {{"job_id", id.text}, {"active", active}}, std::move(reply), as_shown);
}
void FakeJobService::start_job(const JobId& id, StartRequest request, Reply<Submitted> reply) {
  give<Submitted>("start_job", with_params({{"job_id", id.text}}, std::move(request.params)), std::move(reply),
                  to_submitted);
}
void FakeJobService::recover_job(const JobId& id, RecoverRequest request, Reply<Submitted> reply) {
  give<Submitted>("recover_job", with_request({{"job_id", id.text}}, std::move(request)), std::move(reply),
                  to_submitted);
}
Result<ExecutionId> FakeJobService::latest_execution(const JobId& id) {
  record("latest_execution", {{"job_id", id.text}});
  auto answer = answer_of("latest_execution");
  if (!answer) return answer.error();
  return ExecutionId(answer->get<std::string>());
}
void FakeJobService::list_executions(const ListQuery& query, Reply<ListedDocuments> reply) {
  give_documents("list_executions", to_json(query), std::move(reply));
}
void FakeJobService::get_execution(const ExecutionId& id, Reply<ShownDocument> reply) {
  give<ShownDocument>("get_execution", {{"ex_id", id.text}}, std::move(reply), as_shown);
}
void FakeJobService::remove_execution(const ExecutionId& id, Reply<Json> reply) {
  give<Json>("remove_execution", {{"ex_id", id.text}}, std::move(reply), as_is);
}
void FakeJobService::stop(const ExecutionId& id, const StopRequest& request, Reply<StopAnswer> reply) {
  Json arguments = {{"ex_id", id.text}, {"blocking", request.blocking}, {"force", request.force}};
  arguments["timeout_ms"] = request.timeout_ms ? Json(*request.timeout_ms) : Json();
  give<StopAnswer>("stop", std::move(arguments), std::move(reply),
                   [](const Json& answer) { return StopAnswer{to_status(answer)}; });
}
void FakeJobService::pause(const ExecutionId& id, Reply<ExecutionStatus> reply) {
  give<ExecutionStatus>("pause", {{"ex_id", id.text}}, std::move(reply), to_status);
}
void FakeJobService::resume(const ExecutionId& id, Reply<ExecutionStatus> reply) {
  give<ExecutionStatus>("resume", {{"ex_id", id.text}}, std::move(reply), to_status);
}
void FakeJobService::recover(const ExecutionId& id, RecoverRequest request, Reply<Submitted> reply) {
  give<Submitted>("recover", with_request({{"ex_id", id.text}}, std::move(request)), std::move(reply), to_submitted);
}
void FakeJobService::change_workers(const ExecutionId& id, WorkerChange change, std::int64_t count,
                                    Reply<WorkersAnswer> reply) {
  const char* word = change == WorkerChange::add ? "add" : change == WorkerChange::remove ? "remove" : "total";
  give<WorkersAnswer>("change_workers", {{"ex_id", id.text}, {"change", word}, {"count", count}}, std::move(reply),
                      [](const Json& answer) {
                        return WorkersAnswer{answer.at("action"), answer.at("count")};
                      });
}
void FakeJobService::set_log_level(const JobId& id, std::string level, Reply<ExecutionId> reply) {
  give<ExecutionId>("set_log_level", {{"job_id", id.text}, {"level", std::move(level)}}, std::move(reply),
                    [](const Json& answer) { return ExecutionId(answer.get<std::string>()); });
}
void FakeJobService::quarantine(const ExecutionId& id, const RecordQuery& query, Reply<std::vector<Json>> reply) {
  Json arguments = to_json(query);
  arguments["ex_id"] = id.text;
  give_list("quarantine", std::move(arguments), std::move(reply));
}
void FakeJobService::tries(const ExecutionId& id, const RecordQuery& query, Reply<std::vector<Json>> reply) {
  Json arguments = to_json(query);
  arguments["ex_id"] = id.text;
  give_list("tries", std::move(arguments), std::move(reply));
}
void FakeJobService::redrive(const ExecutionId& id, RedriveRequest request, Reply<Submitted> reply) {
  Json arguments = with_params({{"ex_id", id.text}}, std::move(request.params));
  if (!request.records.is_null()) arguments["records"] = std::move(request.records);
  give<Submitted>("redrive", std::move(arguments), std::move(reply), to_submitted);
}
void FakeJobService::errors(const std::optional<ExecutionId>& id, const RecordQuery& query,
                            Reply<std::vector<Json>> reply) {
  Json arguments = to_json(query);
  arguments["ex_id"] = id ? Json(id->text) : Json();
  give_list("errors", std::move(arguments), std::move(reply));
}
void FakeJobService::controller_stats(const ExecutionId& id, Reply<ControllerView> reply) {
  give<ControllerView>("controller_stats", {{"ex_id", id.text}}, std::move(reply), to_controller);
}

Json FakeJobService::plain(const std::string& call) {
  record(call, Json::object());
  auto answer = answer_of(call);
  return answer ? *answer : Json(answer.error().message);
}
void FakeJobService::read_log(const ExecutionId& id, const LogQuery& query, Reply<LogPart> reply) {
  Json arguments = {{"ex_id", id.text}, {"process", query.process}, {"lines", query.lines}, {"from", query.from}};
  give<LogPart>("read_log", std::move(arguments), std::move(reply), [](const Json& answer) {
    return LogPart{answer.at("text").get<std::string>(), answer.at("position").get<std::string>(),
                   answer.value("gap", false)};
  });
}
void FakeJobService::history(const ExecutionId& id, Reply<std::vector<Json>> reply) {
  give_list("history", {{"ex_id", id.text}}, std::move(reply));
}
Json FakeJobService::cluster_info() {
  return plain("cluster_info");
}
Json FakeJobService::cluster_state() {
  return plain("cluster_state");
}
// A list of the numbers.
ClusterCounters FakeJobService::cluster_counters() {
  const Json answer = plain("cluster_counters");
  const auto number = [&](std::size_t i) { return answer.at(i).get<std::int64_t>(); };
  return {number(0), number(1), number(2), number(3), number(4), number(5), number(6)};
}
std::vector<ControllerView> FakeJobService::controllers() {
  std::vector<ControllerView> list;
  for (const Json& item : plain("controllers")) list.push_back(to_controller(item));
  return list;
}

class FakeJobService::FakeUpload final : public AssetUpload {
 public:
  explicit FakeUpload(FakeJobService& service) : service_(service) {}
  void write(std::string piece, std::function<void(Result<void>)> ready) override {
    bytes_ += piece.size();
    const auto taken = service_.answers_.contains("write_asset") ? service_.answer_of("write_asset") : Json();
    ready(taken ? Result<void>() : taken.error());
  }
  void store(Reply<AssetStored> reply) override {
    service_.give<AssetStored>("store_asset", {{"bytes", bytes_}}, std::move(reply), [](const Json& answer) {
      return AssetStored{answer.at("id").get<std::string>(), answer.value("was_there", false)};
    });
  }

 private:
  FakeJobService& service_;
  std::size_t bytes_ = 0;
};

Result<std::unique_ptr<AssetUpload>> FakeJobService::upload(std::optional<std::uint64_t> announced) {
  record("upload", {{"announced", announced ? Json(*announced) : Json()}});
  if (answers_.contains("upload")) {
    if (const auto may = answer_of("upload"); !may) return may.error();
  }
  return std::unique_ptr<AssetUpload>(std::make_unique<FakeUpload>(*this));
}

void FakeJobService::remove(const std::string& id, Reply<std::string> reply) {
  give<std::string>("remove_asset", {{"id", id}}, std::move(reply),
                    [](const Json& answer) { return answer.get<std::string>(); });
}

void FakeJobService::list(const AssetQuery& query, Reply<std::vector<Json>> reply) {
  give_list("list_assets",
            {{"name", query.name ? Json(*query.name) : Json()},
             {"version", query.version ? Json(*query.version) : Json()},
             {"from", query.from},
             {"size", query.size},
             {"sort", query.sort.empty() ? std::string("_created:desc") : sort_text(query.sort)}},
            std::move(reply));
}

}  // namespace slicemill
