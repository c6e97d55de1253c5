#include "tests/fakes/fake_job_views.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <variant>

#include "tests/fakes/fake_job_service.h"

namespace slicemill {
namespace {

JobView to_view(const Json& answer) {
  JobView job;
  job.number = answer.at("number").get<std::int64_t>();
  job.job_id = JobId("j" + std::to_string(job.number));
  job.created = job.updated = kFakeNow;
  if (!answer.contains("status")) return job;
  ExecutionView execution;
  execution.ex_id = ExecutionId("e" + std::to_string(job.number));
  execution.status = *parse_execution_status(answer.at("status").get<std::string>());
  execution.stop_is_heard = answer.value("heard", false);
  execution.has_ledger = answer.value("ledger", false);
  execution.reason = answer.value("reason", "");
  execution.created = kFakeNow;
  execution.changed = kFakeNow + 1;
  job.execution = std::move(execution);
  return job;
}

Json words(const std::vector<ExecutionStatus>& statuses) {
  Json list = Json::array();
  for (const auto status : statuses) list.push_back(to_string(status));
  return list;
}

}  // namespace

// The list that the test has set, as far as statuses and a cursor go.
void FakeJobViews::list(const ListQuery& query, Reply<ListedJobs> reply) {
  service_.record("view_list", to_json(query));
  const auto answer = service_.answer_of("view_list");
  if (!answer) return reply(answer.error());
  const auto& cursor = std::get<CursorWindow>(query.window);
  ListedJobs listed;
  for (const Json& item : *answer) {
    JobView job = to_view(item);
    const auto status = job.execution ? job.execution->status : ExecutionStatus::stopped;
    if (cursor.below && job.number >= *cursor.below) continue;
    if (query.statuses && std::ranges::find(*query.statuses, status) == query.statuses->end()) continue;
    if (std::ssize(listed.jobs) < cursor.size) listed.jobs.push_back(std::move(job));
  }
  if (std::ssize(listed.jobs) == cursor.size && !listed.jobs.empty()) listed.window.next = listed.jobs.back().number;
  reply(std::move(listed));
}

void FakeJobViews::find(std::int64_t number, Reply<std::optional<JobView>> reply) {
  service_.record("view_find", {{"number", number}});
  const auto answer = service_.answer_of("view_find");
  if (!answer) return reply(answer.error());
  reply(answer->is_null() ? std::optional<JobView>() : std::optional(to_view(*answer)));
}

void FakeJobViews::events(const JobId& id, Reply<std::vector<JobEvent>> reply) {
  service_.record("view_events", {{"job_id", id.text}});
  const auto answer = service_.answer_of("view_events");
  if (!answer) return reply(answer.error());
  std::vector<JobEvent> events;
  for (const Json& item : *answer)
    events.push_back({item.at(0).get<std::int64_t>(), ExecutionId("e7"), kFakeNow, "", "",
                      *parse_execution_status(item.at(1).get<std::string>()), item.at(2).get<std::string>()});
  reply(std::move(events));
}

void FakeJobViews::sinks(const JobView&, Reply<std::vector<SinkView>> reply) {
  const auto answer = service_.answer_of("view_sinks");
  if (!answer) return reply(answer.error());
  const auto number = [](const Json& value) {
    return value.is_null() ? std::nullopt : std::optional(value.get<std::int64_t>());
  };
  std::vector<SinkView> sinks;
  for (const Json& item : *answer)
    sinks.push_back({item.at(0).get<std::string>(), item.at(1).get<std::uint64_t>(), item.at(2).get<std::uint64_t>(),
                     number(item.at(3)), number(item.at(4))});
  reply(std::move(sinks));
}

Result<ShownDocument> FakeJobViews::configuration(const JobView&) {
  const auto answer = service_.answer_of("view_configuration");
  if (!answer) return answer.error();
  return ShownDocument{answer->is_null() ? "" : to_compact_text(*answer), {}, {}, {}};
}

void FakeJobViews::delete_ended(const std::vector<ExecutionStatus>& statuses, Reply<std::int64_t> reply) {
  service_.record("view_delete_ended", {{"statuses", words(statuses)}});
  const auto answer = service_.answer_of("view_delete_ended");
  if (!answer) return reply(answer.error());
  reply(answer->get<std::int64_t>());
}

NodeView FakeJobViews::node() const {
  return {"node-1", kFakeNow, {"0.1.0", "1a2b3c4", "2026-11-24"}};
}

}  // namespace slicemill
