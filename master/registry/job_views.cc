#include "master/registry/job_views.h"

#include <limits>
#include <utility>

#include "core/ledger/sink_progress.h"
#include "core/ledger/slice_ledger.h"
#include "master/executions/execution_documents.h"

namespace slicemill::master {

namespace {
constexpr std::size_t kFreedPerTurn = 16;  // jobs
constexpr int kLedgerLooks = 25;
constexpr Duration kPauseOfLooks = std::chrono::milliseconds(200);
}  // namespace

RegistryJobViews::RegistryJobViews(Loop& loop, Registry& registry, Executions& executions, ExecutionRemovals& removals,
                                   const JobDialect& dialect, NodeView node)
    : loop_(loop),
      registry_(registry),
      executions_(executions),
      removals_(removals),
      dialect_(dialect),
      node_(std::move(node)) {}

// The rows were read beside the loop: what lives may be further by now.
void RegistryJobViews::show_as_of_now(JobView& job) const {
  if (!job.execution) return;
  const LiveExecution* live = executions_.find(job.execution->ex_id);
  if (live == nullptr) return;
  job.execution->status = live->durable_status;
  job.execution->stop_is_heard = live->stop_is_heard;
}

void RegistryJobViews::list(const ListQuery& query, Reply<ListedJobs> reply) {
  registry_.job_views(query, [this, reply = std::move(reply)](Result<ListedJobs> listed) {
    if (listed)
      for (JobView& job : listed->jobs) show_as_of_now(job);
    reply(std::move(listed));
  });
}

void RegistryJobViews::find(std::int64_t number, Reply<std::optional<JobView>> reply) {
  auto job = registry_.job_view(number);
  if (job && *job) show_as_of_now(**job);
  reply(std::move(job));
}

void RegistryJobViews::events(const JobId& id, Reply<std::vector<JobEvent>> reply) {
  reply(registry_.job_events(id));
}

void RegistryJobViews::sinks(const JobView& job, Reply<std::vector<SinkView>> reply) {
  if (!job.execution || !job.execution->has_ledger) return reply(std::vector<SinkView>());
  const ExecutionId& id = job.execution->ex_id;
  const LiveExecution* live = executions_.find(id);
  if (live == nullptr || is_terminal(live->status)) return read_sinks(id, kLedgerLooks, std::move(reply));
  executions_.links().query(id, wire::QueryName::sinks, 0, 0,
                            [this, id, reply = std::move(reply),
                             alive = std::weak_ptr<int>(alive_)](const Result<wire::Answer>& answer) mutable {
                              if (alive.expired()) return;
                              if (answer) return reply(parse_sink_progress(answer->body));
                              if (answer.error().code != ErrorCode::cancelled) return reply(answer.error());
                              read_sinks(id, kLedgerLooks, std::move(reply));  // it has ended meanwhile
                            });
}

// A controller that has just ended may still hold it.
void RegistryJobViews::read_sinks(const ExecutionId& id, int tries, Reply<std::vector<SinkView>> reply) {
  auto found = std::make_shared<Result<std::vector<SinkView>>>(std::vector<SinkView>());
  const std::string directory = executions_.options().layout.ledger_directory(id.text);
  loop_.offload(
      Loop::Executor::query,
      [found, id, directory] {
        if (!ledger_exists(directory)) {
          *found = lost_ledger(id.text, directory);
          return;
        }
        const auto ledger = view_ledger(directory);
        *found = ledger ? sink_progress(**ledger) : ledger.error();
      },
      [this, found, id, tries, reply = std::move(reply), alive = std::weak_ptr<int>(alive_)]() mutable {
        if (alive.expired()) return;
        if (*found || found->error().code != ErrorCode::conflict) return reply(std::move(*found));
        if (tries <= 1) return reply(Error{ErrorCode::unavailable, found->error().message});
        loop_.after(kPauseOfLooks, [this, id, tries, reply = std::move(reply), alive]() mutable {
          if (!alive.expired()) read_sinks(id, tries - 1, std::move(reply));
        });
      });
}

Result<ShownDocument> RegistryJobViews::configuration(const JobView& job) {
  ShownDocument document;
  if (job.execution) {
    ASSIGN_OR_RETURN(auto row, registry_.execution_beginning(job.execution->ex_id));
    if (!row) return document;
    const auto facts = dialect_.fact_members();
    document.left_out = {facts.begin(), facts.end()};
    document.text = std::move(row->doc);
    if (row->doc_size > document.text.size())
      document.more = [this, row = std::move(*row)](std::uint64_t offset) {
        return registry_.document_piece(row, offset);
      };
  } else {
    ASSIGN_OR_RETURN(auto row, registry_.job_beginning(job.job_id));
    if (!row) return document;
    document.text = std::move(row->doc);
    if (row->doc_size > document.text.size())
      document.more = [this, row = std::move(*row)](std::uint64_t offset) {
        return registry_.document_piece(row, offset);
      };
  }
  return document;
}

void RegistryJobViews::delete_ended(const std::vector<ExecutionStatus>& statuses, Reply<std::int64_t> reply) {
  ListQuery all;
  all.window = CursorWindow{{}, std::numeric_limits<std::int64_t>::max()};
  all.statuses = statuses;
  registry_.job_views(all, [this, reply = std::move(reply)](Result<ListedJobs> listed) mutable {
    if (!listed) return reply(listed.error());
    std::vector<JobId> ids;
    for (const JobView& job : listed->jobs)
      if (executions_.find_by_job(job.job_id) == nullptr) ids.push_back(job.job_id);
    delete_jobs(std::move(ids), std::move(reply));
  });
}

// The registry looks again whether one of them lives, in the transaction itself.
void RegistryJobViews::delete_jobs(std::vector<JobId> ids, Reply<std::int64_t> reply) {
  if (ids.empty()) return reply(0);
  RegistryBatch batch;
  const WallMs now = loop_.wall_ms();
  for (const JobId& id : ids) batch.deleted_jobs.push_back({id, now});
  registry_.write(std::move(batch),
                  [this, ids = std::move(ids), reply = std::move(reply)](const Result<void>& written) mutable {
                    if (!written) return reply(written.error());
                    free_staging(std::move(ids), 0, std::move(reply));
                  });
}

// A few in a turn of the loop: there may be many.
void RegistryJobViews::free_staging(std::vector<JobId> ids, std::int64_t deleted, Reply<std::int64_t> reply) {
  for (std::size_t i = 0; i < kFreedPerTurn && !ids.empty(); ++i) {
    const JobId id = std::move(ids.back());
    ids.pop_back();
    const auto job = registry_.job_beginning(id);
    if (!job || !*job || !(*job)->deleted) continue;
    removals_.free_staging_of(id);
    ++deleted;
  }
  if (ids.empty()) return reply(deleted);
  loop_.post(
      [this, ids = std::move(ids), deleted, reply = std::move(reply), alive = std::weak_ptr<int>(alive_)]() mutable {
        if (!alive.expired()) free_staging(std::move(ids), deleted, std::move(reply));
      });
}

}  // namespace slicemill::master
