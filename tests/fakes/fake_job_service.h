// A JobService and AssetService that records its calls and gives the answers that a test has set. Loop thread, like the
// real one.
#pragma once

#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "core/model/asset_service.h"
#include "core/model/commands.h"
#include "tests/fakes/fake_event_feed.h"
#include "tests/fakes/fake_job_views.h"

namespace slicemill {

inline constexpr WallMs kFakeNow = 1'795'521'600'000;  // 2026-11-24T12:00:00Z

// As recorded: what was asked for, by the names of ListQuery.
Json to_json(const ListQuery& query);

class FakeJobService final : public JobService, public AssetService {
 public:
  // What was called, in order: {"call": "stop", "ex_id": "e1", "blocking": true, ...}.
  std::vector<Json> calls;

  // The answer of each following call of that name. Form by call: documents and lists as they are; a status as its
  // word; an id as text; submitted, workers and stop answers as objects with their members.
  void answer(const std::string& call, Json value);
  void fail(const std::string& call, Error error);
  // A list built once, so that a benchmark measures the server and not this class.
  void answer_list(const std::string& call, std::vector<Json> items);
  WindowFacts window;  // of each list of jobs or executions
  // Calls of that name get no answer until released; or never, if dropped.
  void hold(const std::string& call);
  void release(const std::string& call);
  void drop(const std::string& call);
  // Of what lists and the state of the cluster show; nothing: answers are not kept.
  std::optional<std::uint64_t> shown_revision;
  void record_calls(bool on) { recording_ = on; }
  JobViews& views() { return views_; }
  FakeEventFeed& events() { return events_; }

  void submit(Json posted, SubmitRequest request, Reply<Submitted> reply) override;
  void list_jobs(const ListQuery& query, Reply<ListedDocuments> reply) override;
  void get_job(const JobId& id, const std::optional<ExecutionFields>& fields, Reply<ShownDocument> reply) override;
  void update_job(const JobId& id, Json posted, Reply<UpdatedJob> reply) override;
  void delete_job(const JobId& id, Reply<ShownDocument> reply) override;
  void set_job_active(const JobId& id, bool active, Reply<ShownDocument> reply) override;
  void start_job(const JobId& id, StartRequest request, Reply<Submitted> reply) override;
  void recover_job(const JobId& id, RecoverRequest request, Reply<Submitted> reply) override;
  Result<ExecutionId> latest_execution(const JobId& id) override;
  void list_executions(const ListQuery& query, Reply<ListedDocuments> reply) override;
  void get_execution(const ExecutionId& id, Reply<ShownDocument> reply) override;
  void remove_execution(const ExecutionId& id, Reply<Json> reply) override;
  void stop(const ExecutionId& id, const StopRequest& request, Reply<StopAnswer> reply) override;
  void pause(const ExecutionId& id, Reply<ExecutionStatus> reply) override;
  void resume(const ExecutionId& id, Reply<ExecutionStatus> reply) override;
  void recover(const ExecutionId& id, RecoverRequest request, Reply<Submitted> reply) override;
  void change_workers(const ExecutionId& id, WorkerChange change, std::int64_t count,
                      Reply<WorkersAnswer> reply) override;
  void set_log_level(const JobId& id, std::string level, Reply<ExecutionId> reply) override;
  void quarantine(const ExecutionId& id, const RecordQuery& query, Reply<std::vector<Json>> reply) override;
  void tries(const ExecutionId& id, const RecordQuery& query, Reply<std::vector<Json>> reply) override;
  void redrive(const ExecutionId& id, RedriveRequest request, Reply<Submitted> reply) override;
  void errors(const std::optional<ExecutionId>& id, const RecordQuery& query, Reply<std::vector<Json>> reply) override;
  void controller_stats(const ExecutionId& id, Reply<ControllerView> reply) override;
  void run_beside(std::function<void()> work, std::function<void()> done) override;  // at once
  void read_log(const ExecutionId& id, const LogQuery& query, Reply<LogPart> reply) override;
  void history(const ExecutionId& id, Reply<std::vector<Json>> reply) override;
  WallMs wall_ms() const override { return kFakeNow; }
  std::optional<std::uint64_t> revision() const override { return shown_revision; }
  Json cluster_info() override;
  Json cluster_state() override;
  std::string obstacle() override { return ""; }
  ClusterCounters cluster_counters() override;
  std::vector<ControllerView> controllers() override;

  // "upload" may fail; "store_asset" is recorded with the number of bytes and answered {"id": ..., "was_there": ...}.
  Result<std::unique_ptr<AssetUpload>> upload(std::optional<std::uint64_t> announced) override;
  void remove(const std::string& id, Reply<std::string> reply) override;        // "remove_asset"
  void list(const AssetQuery& query, Reply<std::vector<Json>> reply) override;  // "list_assets"

 private:
  class FakeUpload;
  friend class FakeJobViews;
  Result<Json> answer_of(const std::string& call) const;
  Json plain(const std::string& call);
  void record(const std::string& call, Json arguments);
  template <typename T, typename Convert>
  void give(const std::string& call, Json arguments, Reply<T> reply, Convert convert);
  void give_documents(const std::string& call, Json arguments, Reply<ListedDocuments> reply);
  void give_list(const std::string& call, Json arguments, Reply<std::vector<Json>> reply);

  std::map<std::string, std::variant<Json, Error>> answers_;
  std::map<std::string, std::vector<std::string>> lists_;  // as text
  std::set<std::string> on_hold_;
  std::map<std::string, std::vector<std::function<void()>>> held_;
  bool recording_ = true;
  FakeEventFeed events_;
  FakeJobViews views_{*this};
};

}  // namespace slicemill
