#include "master/master_service.h"

#include <fmt/core.h>
#include <malloc.h>

#include <algorithm>
#include <utility>

#include "core/runtime/files.h"
#include "core/runtime/log.h"
#include "master/document_work.h"
#include "master/executions/execution_documents.h"
#include "master/processes/process_log.h"

namespace slicemill::master {

namespace {

constexpr Duration kMemoryPause = std::chrono::seconds(1);

Error no_such_job(const JobId& id) {
  return {ErrorCode::not_found, fmt::format("Job {} was not found", id.text)};
}

}  // namespace

MasterService::MasterService(Loop& loop, Registry& registry, Executions& executions, const JobDialect& dialect,
                             const OperationCatalog& catalog, const AssetCatalog& assets, PathRule paths,
                             NodeFacts node, const RetentionOptions& retention)
    : loop_(loop),
      registry_(registry),
      executions_(executions),
      dialect_(dialect),
      node_(std::move(node)),
      starts_(loop, registry, executions, dialect, catalog, std::move(paths), assets),
      keyed_(loop, registry,
             [this](Json posted, bool start, SubmissionRow submission, Reply<Submitted> reply) {
               make_job_of(std::move(posted), start, std::move(submission), std::move(reply));
             }),
      verbs_(loop, registry, executions),
      errors_(loop, registry, executions, dialect),
      removals_(loop, registry, executions),
      retention_(loop, registry, executions, removals_, retention),
      views_(loop, registry, executions, removals_, dialect, {node_.hostname, loop.wall_ms(), node_.build}) {}

void MasterService::close() {
  closed_ = true;
  starts_.close();
  retention_.close();
}

// ---- jobs ----

Result<JobRow> MasterService::existing_job(const JobId& id) const {
  ASSIGN_OR_RETURN(auto row, registry_.job(id));
  if (!row) return no_such_job(id);
  return std::move(*row);
}

void MasterService::write_job(JobRow row, RegistryBatch batch, Turn turn, Reply<ShownDocument> reply) {
  if (closed_) return reply(closing_error());
  batch.jobs.push_back(row);
  registry_.write(std::move(batch), [&dialect = dialect_, row = std::move(row), turn = std::move(turn),
                                     reply = std::move(reply)](const Result<void>& result) mutable {
    if (!result) return reply(result.error());
    JsonMembers members = dialect.job_members(facts_of(row));
    reply(ShownDocument{std::move(row.doc), {}, std::move(members), {}});
  });
}

void MasterService::submit(Json posted, SubmitRequest request, Reply<Submitted> reply) {
  if (closed_) return reply(closing_error());
  if (const auto checked = dialect_.check_posted(posted); !checked) return reply(checked.error());
  if (request.key.empty()) return make_job_of(std::move(posted), request.start, {}, std::move(reply));
  keyed_.submit(std::move(posted), std::move(request), std::move(reply));
}

void MasterService::make_job_of(Json posted, bool start, Submission submission, Reply<Submitted> reply) {
  starts_.judge(std::move(posted), !start,
                [this, start, submission = std::move(submission), reply = std::move(reply)](
                    Json job, const ExecutionId& ex_id, Result<ValidatedJob> validated) mutable {
                  if (closed_) return reply(closing_error());
                  if (!validated) return reply(validated.error());
                  take(std::move(job), ex_id, std::move(*validated), start, std::move(submission), std::move(reply));
                });
}

void MasterService::take(Json posted, const ExecutionId& ex_id, ValidatedJob validated, bool start,
                         Submission submission, Reply<Submitted> reply) {
  if (submission && start) submission->ex_id = ex_id;
  const bool is_large = is_large_document(posted);
  work_on_document(
      loop_, is_large,
      [id = JobId(random_uuid(loop_)), seq = registry_.new_job_seq(), posted = std::move(posted), now = loop_.wall_ms(),
       &dialect = dialect_]() mutable { return make_job(id, seq, std::move(posted), now, dialect); },
      [this, ex_id, validated = std::move(validated), start, submission = std::move(submission),
       reply = std::move(reply), alive = std::weak_ptr<int>(alive_)](JobRow row) mutable {
        if (alive.expired()) return;
        row.submission = std::move(submission);
        if (start) return starts_.submit(std::move(row), ex_id, std::move(validated), std::move(reply));
        Submitted submitted{row.job_id, row.seq, {}, std::move(validated.warnings)};
        write_job(std::move(row), {}, nullptr,
                  [submitted = std::move(submitted), reply = std::move(reply)](const Result<ShownDocument>& written) {
                    if (written) {
                      reply(submitted);
                    } else {
                      reply(written.error());
                    }
                  });
      });
}

class MasterService::JobList final : public DocumentList {
 public:
  JobList(MasterService& service, std::vector<std::int64_t> page, const ListQuery& query)
      : service_(service), page_(std::move(page)), deleted_(query.deleted), fields_(query.execution_fields) {}

  Result<std::optional<ShownDocument>> next() override {
    while (next_ < page_.size()) {
      ASSIGN_OR_RETURN(auto row, service_.registry_.job_beginning(page_[next_++]));
      if (!row || row->deleted != deleted_) continue;  // since it was found
      ASSIGN_OR_RETURN(ShownDocument document, service_.shown_job(std::move(*row), fields_));
      return std::optional(std::move(document));
    }
    return std::optional<ShownDocument>();
  }

 private:
  MasterService& service_;
  std::vector<std::int64_t> page_;
  bool deleted_;
  std::optional<ExecutionFields> fields_;
  std::size_t next_ = 0;
};

class MasterService::ExecutionList final : public DocumentList {
 public:
  ExecutionList(MasterService& service, std::vector<std::int64_t> page, const ListQuery& query)
      : service_(service), page_(std::move(page)), deleted_(query.deleted) {}

  Result<std::optional<ShownDocument>> next() override {
    while (next_ < page_.size()) {
      ASSIGN_OR_RETURN(auto row, service_.registry_.execution_beginning(page_[next_++]));
      if (row && row->deleted == deleted_) return std::optional(service_.shown_execution(std::move(*row)));
    }
    return std::optional<ShownDocument>();
  }

 private:
  MasterService& service_;
  std::vector<std::int64_t> page_;
  bool deleted_;
  std::size_t next_ = 0;
};

void MasterService::list_jobs(const ListQuery& query, Reply<ListedDocuments> reply) {
  list<JobList>(ListKind::jobs, query, std::move(reply));
}

template <typename List>
void MasterService::list(ListKind kind, const ListQuery& query, Reply<ListedDocuments> reply) {
  registry_.find(kind, query,
                 [this, query, reply = std::move(reply), alive = std::weak_ptr<int>(alive_)](Result<FoundRows> found) {
                   if (alive.expired()) return;
                   if (!found) return reply(found.error());
                   reply(ListedDocuments{std::make_shared<List>(*this, std::move(found->seqs), query), found->window});
                 });
}

Result<ShownDocument> MasterService::shown_job(JobRow row, const std::optional<ExecutionFields>& fields) {
  ShownDocument document{std::move(row.doc), {}, dialect_.job_members(facts_of(row))};
  if (fields) {
    ASSIGN_OR_RETURN(auto execution, registry_.latest_execution_beginning(row.job_id));
    std::string shown = "{}";
    if (execution && !execution->deleted) {
      std::optional<std::vector<std::string>> only;
      if (!fields->names.empty()) only = fields->names;
      ASSIGN_OR_RETURN(shown, shown_text(shown_execution(std::move(*execution)), std::move(only)));
    }
    document.laid_over.emplace_back(std::string(dialect_.execution_member()), std::move(shown));
  }
  if (row.doc_size > document.text.size())
    document.more = [this, row = std::move(row)](std::uint64_t offset) {
      return registry_.document_piece(row, offset);
    };
  return document;
}

ShownDocument MasterService::shown_execution(ExecutionRow row) const {
  row.status = executions_.shown_status(row);
  ShownDocument document{std::move(row.doc),
                         {},
                         dialect_.execution_members(facts_of(
                             row, {executions_.live_reason(row.ex_id), executions_.live_progress(row.ex_id)}))};
  for (auto& place : place_members(row.ex_id, executions_.options().layout, dialect_))
    document.laid_over.push_back(std::move(place));
  if (row.doc_size > document.text.size())
    document.more = [this, row = std::move(row)](std::uint64_t offset) {
      return registry_.document_piece(row, offset);
    };
  return document;
}

void MasterService::get_job(const JobId& id, const std::optional<ExecutionFields>& fields, Reply<ShownDocument> reply) {
  auto row = registry_.job_beginning(id);
  if (!row) return reply(row.error());
  if (!*row) return reply(no_such_job(id));
  reply(shown_job(std::move(**row), fields));
}

void MasterService::run_beside(std::function<void()> work, std::function<void()> done) {
  loop_.offload(Loop::Executor::documents, std::move(work), std::move(done));
  give_memory_back_later();
}

// What a large document took as a value stays with the process otherwise, in many small pieces.
void MasterService::give_memory_back_later() {
  if (std::exchange(gives_memory_back_, true)) return;
  loop_.after(kMemoryPause, [this, alive = std::weak_ptr<int>(alive_)] {
    if (alive.expired()) return;
    gives_memory_back_ = false;
    loop_.offload(
        Loop::Executor::documents, [] { malloc_trim(0); }, [] {});
  });
}

void MasterService::update_job(const JobId& id, Json posted, Reply<UpdatedJob> reply) {
  if (closed_) return reply(closing_error());
  if (!posted.is_object() || posted.empty()) {
    return reply(Error{ErrorCode::invalid, fmt::format("no data was provided to update job {}", id.text)});
  }
  starts_.turns().enter(id, [this, id, posted = std::move(posted), reply = std::move(reply)](Turn turn) mutable {
    update(id, std::move(posted), std::move(turn), reply);
  });
}

void MasterService::update(const JobId& id, Json posted, Turn turn, const Reply<UpdatedJob>& reply) {
  auto row = updatable_job(id);
  if (!row) return reply(row.error());
  row->doc = std::string();
  // A job that is put aside need not be valid.
  if (row->active && !dialect_.is_active(posted))
    return replace(std::move(*row), std::move(posted), {}, std::move(turn), reply);
  starts_.judge(std::move(posted), true,
                [this, row = std::move(*row), turn = std::move(turn), reply](Json job, const ExecutionId&,
                                                                             Result<ValidatedJob> validated) mutable {
                  if (!validated) return reply(validated.error());
                  replace(std::move(row), std::move(job), std::move(validated->warnings), std::move(turn), reply);
                });
}

Result<JobRow> MasterService::updatable_job(const JobId& id) const {
  ASSIGN_OR_RETURN(auto row, existing_job(id));
  if (row.deleted)
    return Error{ErrorCode::gone, fmt::format("Job {} has been deleted and cannot be updated.", id.text)};
  return row;
}

void MasterService::replace(JobRow former, Json posted, std::vector<JobWarning> warnings, Turn turn,
                            const Reply<UpdatedJob>& reply) {
  const bool is_large = is_large_document(posted);
  work_on_document(
      loop_, is_large,
      [row = std::move(former), posted = std::move(posted), now = loop_.wall_ms(), &dialect = dialect_]() mutable {
        return replace_job(row, std::move(posted), now, dialect);
      },
      [this, warnings = std::move(warnings), turn = std::move(turn), reply,
       alive = std::weak_ptr<int>(alive_)](JobRow replaced) mutable {
        if (alive.expired()) return;
        write_job(std::move(replaced), {}, std::move(turn),
                  [warnings = std::move(warnings), reply](Result<ShownDocument> written) {
                    if (written) {
                      reply(UpdatedJob{std::move(*written), warnings});
                    } else {
                      reply(written.error());
                    }
                  });
      });
}

void MasterService::mark(JobRow row, bool active, std::function<void(JobRow)> done) {
  const bool is_large = row.doc.size() > kLargeDocument;
  work_on_document(
      loop_, is_large,
      [row = std::move(row), active, now = loop_.wall_ms(), &dialect = dialect_]() mutable {
        return mark_job(std::move(row), active, now, dialect);
      },
      [done = std::move(done), alive = std::weak_ptr<int>(alive_)](JobRow marked) {
        if (!alive.expired()) done(std::move(marked));
      });
}

void MasterService::set_job_active(const JobId& id, bool active, Reply<ShownDocument> reply) {
  if (closed_) return reply(closing_error());
  starts_.turns().enter(id, [this, id, active, reply = std::move(reply)](const Turn& turn) {
    auto row = updatable_job(id);
    if (!row) return reply(row.error());
    mark(std::move(*row), active,
         [this, turn, reply](JobRow marked) { write_job(std::move(marked), {}, turn, reply); });
  });
}

Result<JobRow> MasterService::deletable_job(const JobId& id) const {
  if (executions_.find_by_job(id) != nullptr)
    return Error{ErrorCode::conflict,
                 fmt::format("Job {} is currently running, cannot delete a running job.", id.text)};
  ASSIGN_OR_RETURN(auto row, existing_job(id));
  if (row.deleted) return Error{ErrorCode::gone, fmt::format("Job {} has already been deleted.", id.text)};
  return row;
}

// Within its turn nothing of the job comes to live.
void MasterService::delete_job(const JobId& id, Reply<ShownDocument> reply) {
  if (closed_) return reply(closing_error());
  starts_.turns().enter(id, [this, id, reply = std::move(reply)](const Turn& turn) {
    auto row = deletable_job(id);
    if (!row) return reply(row.error());
    mark(std::move(*row), false, [this, id, turn, reply](JobRow marked) {
      marked.deleted = true;
      marked.deleted_on = marked.updated;
      RegistryBatch batch;
      batch.deleted_executions_of.push_back({id, marked.deleted_on});
      write_job(std::move(marked), std::move(batch), turn, [this, id, reply](Result<ShownDocument> written) {
        if (written) removals_.free_staging_of(id);
        reply(std::move(written));
      });
    });
  });
}

void MasterService::start_job(const JobId& id, StartRequest request, Reply<Submitted> reply) {
  if (closed_) return reply(closing_error());
  starts_.start(id, std::move(request), std::move(reply));
}

void MasterService::recover_job(const JobId& id, RecoverRequest request, Reply<Submitted> reply) {
  if (closed_) return reply(closing_error());
  starts_.recover_job(id, std::move(request), std::move(reply));
}

Result<ExecutionId> MasterService::latest_execution(const JobId& id) {
  ASSIGN_OR_RETURN(const auto row, registry_.latest_execution_facts(id));
  if (!row) return Error{ErrorCode::not_found, fmt::format("No execution was found for job {}", id.text)};
  return row->ex_id;
}

// ---- executions ----

void MasterService::list_executions(const ListQuery& query, Reply<ListedDocuments> reply) {
  list<ExecutionList>(ListKind::executions, query, std::move(reply));
}

void MasterService::get_execution(const ExecutionId& id, Reply<ShownDocument> reply) {
  auto row = registry_.execution_beginning(id);
  if (!row) return reply(row.error());
  if (!*row) {
    const auto removed = registry_.removed(id);
    const std::string since = removed && *removed ? ", it was removed on " + to_iso((*removed)->at) : std::string();
    return reply(Error{ErrorCode::not_found, fmt::format("Execution {} was not found{}", id.text, since)});
  }
  reply(shown_execution(std::move(**row)));
}

void MasterService::remove_execution(const ExecutionId& id, Reply<Json> reply) {
  if (closed_) return reply(closing_error());
  removals_.remove(id, [&dialect = dialect_, reply = std::move(reply)](const Result<RemovedRow>& removed) {
    if (!removed) return reply(removed.error());
    reply(dialect.removal_document(removed->ex_id, removed->job_id, removed->at));
  });
}

void MasterService::stop(const ExecutionId& id, const StopRequest& request, Reply<StopAnswer> reply) {
  verbs_.stop(id, request, std::move(reply));
}

void MasterService::pause(const ExecutionId& id, Reply<ExecutionStatus> reply) {
  verbs_.pause(id, std::move(reply));
}

void MasterService::resume(const ExecutionId& id, Reply<ExecutionStatus> reply) {
  verbs_.resume(id, std::move(reply));
}

void MasterService::recover(const ExecutionId& id, RecoverRequest request, Reply<Submitted> reply) {
  if (closed_) return reply(closing_error());
  starts_.recover(id, std::move(request), std::move(reply));
}

void MasterService::change_workers(const ExecutionId& id, WorkerChange change, std::int64_t count,
                                   Reply<WorkersAnswer> reply) {
  verbs_.change_workers(id, change, count, std::move(reply));
}

void MasterService::set_log_level(const JobId& id, std::string level, Reply<ExecutionId> reply) {
  if (!parse_log_level(level)) {
    return reply(
        Error{ErrorCode::invalid,
              fmt::format("Invalid log level \"{}\", must be one of: trace, debug, info, warn, error, fatal", level)});
  }
  const auto latest = latest_execution(id);
  if (!latest) return reply(latest.error());
  verbs_.set_log_level(*latest, level, std::move(reply));
}

void MasterService::errors(const std::optional<ExecutionId>& id, const RecordQuery& query,
                           Reply<std::vector<Json>> reply) {
  if (id) {
    errors_.of_execution(*id, query, std::move(reply));
  } else {
    errors_.of_all(query, std::move(reply));
  }
}

void MasterService::tries(const ExecutionId& id, const RecordQuery& query, Reply<std::vector<Json>> reply) {
  errors_.tries_of(id, query, std::move(reply));
}

void MasterService::quarantine(const ExecutionId& id, const RecordQuery& query, Reply<std::vector<Json>> reply) {
  errors_.quarantine_of(id, query, std::move(reply));
}

void MasterService::redrive(const ExecutionId& id, RedriveRequest request, Reply<Submitted> reply) {
  if (closed_) return reply(closing_error());
  starts_.redrive(id, std::move(request), std::move(reply));
}

void MasterService::controller_stats(const ExecutionId& id, Reply<ControllerView> reply) {
  const Error none(ErrorCode::not_found, fmt::format("execution {} has no controller at present", id.text));
  const LiveExecution* live = executions_.find(id);
  if (live == nullptr || !executions_.links().connected(id)) return reply(none);
  // Asked of the controller itself: what it last reported may be a second old.
  executions_.links().query(id, wire::QueryName::stats, 0, 0,
                            [view = ControllerView{live->ex_id, live->job_id, live->name, {}}, none,
                             reply = std::move(reply)](const Result<wire::Answer>& answer) mutable {
                              auto stats = answer ? decode_stats(answer->body) : Result<Stats>(answer.error());
                              if (!stats) return reply(none);
                              view.stats = *std::move(stats);
                              reply(std::move(view));
                            });
}

Result<void> MasterService::check_execution(const ExecutionId& id) const {
  ASSIGN_OR_RETURN(const auto row, registry_.execution_facts(id));
  if (!row) return Error{ErrorCode::not_found, fmt::format("Execution {} was not found", id.text)};
  return {};
}

void MasterService::read_log(const ExecutionId& id, const LogQuery& query, Reply<LogPart> reply) {
  if (const auto known = check_execution(id); !known) return reply(known.error());
  const auto part = std::make_shared<Result<LogPart>>(Error{ErrorCode::internal, "not read"});
  loop_.offload(
      Loop::Executor::query,
      [part, query, directory = executions_.options().layout.log_directory(id.text)] {
        *part = read_process_log(posix_files(), directory, query);
      },
      [part, reply = std::move(reply)] { reply(std::move(*part)); });
}

void MasterService::history(const ExecutionId& id, Reply<std::vector<Json>> reply) {
  if (const auto known = check_execution(id); !known) return reply(known.error());
  const auto rows = registry_.history(id);
  if (!rows) return reply(rows.error());
  std::vector<Json> changes;
  for (const HistoryRow& row : *rows) {
    changes.push_back(
        {{"time", to_iso(row.at)}, {"from", row.from}, {"event", row.event}, {"to", row.to}, {"reason", row.reason}});
  }
  reply(std::move(changes));
}

// ---- cluster ----

Json MasterService::cluster_info() {
  return dialect_.cluster_info(cluster_facts(node_, executions_));
}
Json MasterService::cluster_state() {
  return dialect_.cluster_state(cluster_facts(node_, executions_));
}
// All of them only rise, so their sum changes when one of them does.
std::optional<std::uint64_t> MasterService::revision() const {
  if (!executions_.obstacle().empty()) return std::nullopt;
  return registry_.revision() + executions_.supervisor().revision() + executions_.reasons_revision();
}
std::vector<ControllerView> MasterService::controllers() {
  return controllers_view(executions_);
}

std::string MasterService::obstacle() {
  return executions_.obstacle();
}

ClusterCounters MasterService::cluster_counters() {
  return executions_.totals().counters();
}

}  // namespace slicemill::master
