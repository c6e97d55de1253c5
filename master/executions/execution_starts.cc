#include "master/executions/execution_starts.h"

#include <fmt/core.h>

#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "core/ledger/slice_ledger.h"
#include "master/document_work.h"
#include "master/executions/execution_documents.h"

namespace slicemill::master {

namespace {

Error no_such_execution(const ExecutionId& id) {
  return {ErrorCode::not_found, fmt::format("Execution {} was not found", id.text)};
}

Error removed_ledger(const ExecutionId& asked, const ExecutionId& removed) {
  return {
      ErrorCode::gone,
      fmt::format("execution {} cannot be recovered: execution {}, which it goes on from, was removed, and with its "
                  "ledger what tells which slices are done",
                  asked.text, removed.text)};
}

}  // namespace

Error closing_error() {
  return {ErrorCode::unavailable, "the master is shutting down"};
}

ExecutionStarts::ExecutionStarts(Loop& loop, Registry& registry, Executions& executions, const JobDialect& dialect,
                                 const OperationCatalog& catalog, PathRule paths, const AssetCatalog& assets)
    : loop_(loop),
      registry_(registry),
      executions_(executions),
      turns_(loop),
      dialect_(dialect),
      catalog_(catalog),
      rules_{.paths = std::move(paths),
             .assets = &assets,
             .no_cpu_limit = executions.no_cpu_limit(),
             .issues_for_clients = true,
             .connections = executions.options().connections} {}

namespace {

// What the bundles of one job were resolved to, for another thread than the one that knows them.
class ResolvedBundles final : public AssetCatalog {
 public:
  ResolvedBundles(const std::vector<std::string>& references, const AssetCatalog& catalog) {
    for (const std::string& reference : references) bundles_.emplace(reference, catalog.resolve(reference));
  }

  Result<AssetBundle> resolve(std::string_view reference) const override {
    const auto found = bundles_.find(reference);
    if (found != bundles_.end()) return found->second;
    return Error(ErrorCode::internal, fmt::format("bundle {} was not resolved", reference));
  }

 private:
  std::map<std::string, Result<AssetBundle>, std::less<>> bundles_;
};

}  // namespace

void ExecutionStarts::judge(Json posted, bool starts_later, Judged done) {
  JobRules rules = rules_;
  const ExecutionId ex_id(random_uuid(loop_));
  rules.params.may_be_unset = starts_later;
  rules.now = loop_.wall_ms();
  if (!starts_later) rules.lineage = ex_id.text;
  const auto document = std::make_shared<Json>(std::move(posted));
  validate_posted(document, std::move(rules),
                  [document, ex_id, done = std::move(done)](Result<ValidatedJob> validated) {
                    done(std::move(*document), ex_id, std::move(validated));
                  });
}

void ExecutionStarts::validate_posted(std::shared_ptr<const Json> posted, JobRules rules, Validated done) {
  if (!is_large_document(*posted)) return done(dialect_.validate(*posted, catalog_, rules));
  const auto bundles = std::make_shared<ResolvedBundles>(dialect_.bundles_named(*posted, catalog_), *rules_.assets);
  rules.assets = bundles.get();
  work_on_document(
      loop_, true,
      [posted = std::move(posted), bundles, rules = std::move(rules), &catalog = catalog_, &dialect = dialect_] {
        return dialect.validate(*posted, catalog, rules);
      },
      [done = std::move(done), alive = std::weak_ptr<int>(alive_)](Result<ValidatedJob> validated) {
        if (!alive.expired()) done(std::move(validated));
      });
}

void ExecutionStarts::validate_stored(const Job& job, JobRules rules, Validated done) {
  work_on_document(
      loop_, job->doc.size() > kLargeDocument,
      [job, &dialect = dialect_]() -> Result<std::shared_ptr<const Json>> {
        ASSIGN_OR_RETURN(Json posted, job_document(*job, dialect));
        return std::make_shared<const Json>(std::move(posted));
      },
      [this, rules = std::move(rules), done = std::move(done),
       alive = std::weak_ptr<int>(alive_)](Result<std::shared_ptr<const Json>> posted) mutable {
        if (alive.expired()) return;
        if (!posted) return done(posted.error());
        validate_posted(std::move(*posted), std::move(rules), std::move(done));
      });
}

// Read beside the loop, as it may be as large as what was posted.
void ExecutionStarts::with_spec_of(const Source& source, std::function<void(Result<JobSpec>)> done) {
  auto text = stored_spec(registry_, *source);
  if (!text) return done(text.error());
  const bool is_large = text->size() > kLargeDocument;
  work_on_document(
      loop_, is_large, [source, text = std::move(*text)] { return spec_of(source->ex_id, text); },
      [done = std::move(done), alive = std::weak_ptr<int>(alive_)](Result<JobSpec> spec) {
        if (!alive.expired()) done(std::move(spec));
      });
}

void ExecutionStarts::validate_after(const Job& job, const Source& source, Json params, Validated done) {
  with_spec_of(source, [this, job, source, params = std::move(params),
                        done = std::move(done)](const Result<JobSpec>& former) mutable {
    if (!former) return done(former.error());
    JobRules rules = rules_;
    rules.params.given = std::move(params);
    rules.params.earlier = former->params_given;
    rules.now = former->now != 0 ? former->now : source->created;
    rules.lineage = source->lineage.text;
    validate_stored(job, std::move(rules), std::move(done));
  });
}

void ExecutionStarts::own_configuration(const Source& source, Validated done) {
  with_spec_of(source, [this, source, done = std::move(done)](Result<JobSpec> spec) mutable {
    if (!spec) return done(spec.error());
    if (const auto there = bundles_are_there(*spec); !there) return done(there.error());
    work_on_document(
        loop_, source->doc.size() > kLargeDocument,
        [source, spec = std::move(*spec), &dialect = dialect_]() mutable -> Result<ValidatedJob> {
          ValidatedJob own;
          ASSIGN_OR_RETURN(own.document, recovered_document(*source, dialect));
          own.spec = std::move(spec);
          return own;
        },
        [done = std::move(done), alive = std::weak_ptr<int>(alive_)](Result<ValidatedJob> own) {
          if (!alive.expired()) done(std::move(own));
        });
  });
}

// A recovery runs with the bundles of its source; they may have been removed meanwhile.
Result<void> ExecutionStarts::bundles_are_there(const JobSpec& spec) const {
  for (const auto& bundle : spec.bundles) {
    if (const auto found = rules_.assets->resolve(bundle.id); !found) return found.error();
  }
  return {};
}

Result<void> ExecutionStarts::nothing_lives(const JobId& id) const {
  if (executions_.find_by_job(id) == nullptr) return {};
  return Error{ErrorCode::conflict,
               fmt::format("Job {} is currently running, cannot have the same job concurrently running", id.text)};
}

Result<ExecutionStarts::Job> ExecutionStarts::startable(const JobId& id, const char* what) const {
  RETURN_IF_ERROR(nothing_lives(id));
  ASSIGN_OR_RETURN(auto job, registry_.job(id));
  if (!job) return Error{ErrorCode::not_found, fmt::format("Job {} was not found", id.text)};
  if (job->deleted)
    return Error{ErrorCode::gone, fmt::format("Job {} has been deleted and cannot be {}.", id.text, what)};
  return std::make_shared<const JobRow>(std::move(*job));
}

Result<ExecutionStarts::Source> ExecutionStarts::existing(const ExecutionId& id) const {
  ASSIGN_OR_RETURN(auto row, registry_.execution(id));
  if (!row) return no_such_execution(id);
  return std::make_shared<const ExecutionRow>(std::move(*row));
}

// submitted: what the answer says beside the ids. turn: of a job that is there already.
void ExecutionStarts::create(ExecutionOrigin creation, std::optional<JobRow> job, Submitted submitted, Turn turn,
                             Reply<Submitted> reply) {
  const bool is_large = is_large_document(creation.document);
  work_on_document(
      loop_, is_large,
      [creation = std::move(creation), &layout = executions_.options().layout, &dialect = dialect_]() mutable {
        return make_execution(std::move(creation), layout, dialect);
      },
      [this, job = std::move(job), submitted = std::move(submitted), turn = std::move(turn), reply = std::move(reply),
       alive = std::weak_ptr<int>(alive_)](ExecutionRow row) mutable {
        if (alive.expired()) return;
        if (closed_) return reply(closing_error());
        submitted.job_id = row.job_id;
        submitted.ex_id = row.ex_id;
        executions_.create(std::move(row), std::move(job),
                           [submitted = std::move(submitted), reply = std::move(reply)](const Result<void>& result) {
                             if (result) {
                               reply(submitted);
                             } else {
                               reply(result.error());
                             }
                           });
      });
}

void ExecutionStarts::submit(JobRow job, const ExecutionId& ex_id, ValidatedJob validated, Reply<Submitted> reply) {
  ExecutionOrigin creation;
  creation.ex_id = ex_id;
  creation.seq = registry_.new_execution_seq();
  creation.job_id = job.job_id;
  creation.now = loop_.wall_ms();
  creation.spec = std::move(validated.spec);
  creation.document = std::move(validated.document);
  const std::int64_t job_seq = job.seq;
  create(std::move(creation), std::move(job), {.job_seq = job_seq, .warnings = std::move(validated.warnings)}, nullptr,
         std::move(reply));
}

void ExecutionStarts::start(const JobId& id, StartRequest request, Reply<Submitted> reply) {
  turns_.enter(id, [this, id, request = std::move(request), reply = std::move(reply)](Turn turn) mutable {
    start_stored(id, std::move(request), std::move(turn), reply);
  });
}

void ExecutionStarts::start_stored(const JobId& id, StartRequest request, Turn turn, const Reply<Submitted>& reply) {
  const auto job = startable(id, "started");
  if (!job) return reply(job.error());
  const ExecutionId ex_id(random_uuid(loop_));
  JobRules rules = rules_;
  rules.params.given = request.params;
  rules.now = loop_.wall_ms();
  rules.lineage = ex_id.text;
  validate_stored(*job, std::move(rules),
                  [this, job = *job, ex_id, request = std::move(request), turn = std::move(turn),
                   reply](Result<ValidatedJob> validated) mutable {
                    if (!validated) return reply(validated.error());
                    start_validated(job, ex_id, std::move(*validated), std::move(request), std::move(turn), reply);
                  });
}

void ExecutionStarts::start_validated(const Job& job, const ExecutionId& ex_id, ValidatedJob validated,
                                      StartRequest request, Turn turn, const Reply<Submitted>& reply) {
  if (validated.spec.goes_on) {
    auto latest = registry_.latest_execution(job->job_id);
    if (!latest) return reply(latest.error());
    if (const auto there = newest_is_there(job->job_id, *latest); !there) return reply(there.error());
    if (*latest)
      return recover_from(std::make_shared<const ExecutionRow>(std::move(**latest)), job, ConfigSource::current,
                          {.params = std::move(request.params)}, std::move(turn), reply);
  }
  ExecutionOrigin creation;
  creation.ex_id = ex_id;
  creation.seq = registry_.new_execution_seq();
  creation.job_id = job->job_id;
  creation.now = loop_.wall_ms();
  creation.spec = std::move(validated.spec);
  creation.document = std::move(validated.document);
  create(std::move(creation), std::nullopt, {.job_seq = job->seq, .warnings = std::move(validated.warnings)},
         std::move(turn), reply);
}

// Whoever goes on from the latest execution must not take an earlier one for it.
Result<void> ExecutionStarts::newest_is_there(const JobId& id, const std::optional<ExecutionRow>& latest) const {
  ASSIGN_OR_RETURN(const auto removed, registry_.latest_removed(id));
  if (!removed || (latest && latest->seq > removed->seq)) return {};
  return Error{
      ErrorCode::gone,
      fmt::format("job {} cannot go on from its latest execution: {} was removed, and with its ledger what tells "
                  "which slices are done; start it without autorecover, or recover an earlier execution by its id",
                  id.text, removed->ex_id.text)};
}

void ExecutionStarts::recover_job(const JobId& id, RecoverRequest request, Reply<Submitted> reply) {
  turns_.enter(id, [this, id, request = std::move(request), reply = std::move(reply)](Turn turn) mutable {
    recover_latest(id, std::move(request), std::move(turn), reply);
  });
}

void ExecutionStarts::recover_latest(const JobId& id, RecoverRequest request, Turn turn,
                                     const Reply<Submitted>& reply) {
  const auto job = startable(id, "recovered");
  if (!job) return reply(job.error());
  auto latest = registry_.latest_execution(id);
  if (!latest) return reply(latest.error());
  if (const auto there = newest_is_there(id, *latest); !there) return reply(there.error());
  if (!*latest)
    return reply(Error{ErrorCode::not_found, fmt::format("Job {} is missing an execution to recover from", id.text)});
  const ConfigSource which = request.config.value_or(ConfigSource::current);
  recover_from(std::make_shared<const ExecutionRow>(std::move(**latest)), *job, which, std::move(request),
               std::move(turn), reply);
}

void ExecutionStarts::recover(const ExecutionId& id, RecoverRequest request, Reply<Submitted> reply) {
  const auto source = registry_.execution_beginning(id);
  if (!source) return reply(source.error());
  if (!*source) return reply(no_such_execution(id));
  turns_.enter((*source)->job_id,
               [this, id, request = std::move(request), reply = std::move(reply)](Turn turn) mutable {
                 recover_one(id, std::move(request), std::move(turn), reply);
               });
}

void ExecutionStarts::recover_one(const ExecutionId& id, RecoverRequest request, Turn turn,
                                  const Reply<Submitted>& reply) {
  const auto source = existing(id);
  if (!source) return reply(source.error());
  const auto job = startable((*source)->job_id, "recovered");
  if (!job) return reply(job.error());
  const ConfigSource which = request.config.value_or(ConfigSource::own);
  recover_from(*source, *job, which, std::move(request), std::move(turn), reply);
}

void ExecutionStarts::recover_from(const Source& source, const Job& job, ConfigSource which, RecoverRequest request,
                                   Turn turn, const Reply<Submitted>& reply) {
  Validated goes_on = [this, source, job_seq = job->seq, which, cleanup = request.cleanup, turn = std::move(turn),
                       reply](Result<ValidatedJob> validated) mutable {
    if (!validated) return reply(validated.error());
    const bool is_continued = validated->spec.goes_on;
    std::vector<JobWarning> warnings = std::move(validated->warnings);
    auto creation = recovery_of(*source, std::move(*validated), cleanup, is_continued);
    if (!creation) return reply(creation.error());
    create(std::move(*creation), std::nullopt, {.job_seq = job_seq, .warnings = std::move(warnings), .config = which},
           std::move(turn), reply);
  };
  if (which == ConfigSource::current) return validate_after(job, source, std::move(request.params), std::move(goes_on));
  if (!request.params.empty())
    return reply(Error{ErrorCode::invalid,
                       "params go with config=current: the execution's own configuration has its values already"});
  own_configuration(source, std::move(goes_on));
}

Result<ExecutionOrigin> ExecutionStarts::recovery_of(const ExecutionRow& source, ValidatedJob job, CleanupType cleanup,
                                                     bool goes_on, Json redriven_records) {
  ExecutionOrigin creation;
  creation.ex_id = ExecutionId(random_uuid(loop_));
  creation.seq = registry_.new_execution_seq();
  creation.job_id = source.job_id;
  creation.now = loop_.wall_ms();
  creation.spec = std::move(job.spec);
  creation.document = std::move(job.document);
  creation.recovered_execution = source.ex_id;
  creation.cleanup = cleanup == CleanupType::none && goes_on ? CleanupType::pending : cleanup;
  creation.recovered_slice_type = to_string(creation.cleanup);
  creation.redriven_records = std::move(redriven_records);
  ASSIGN_OR_RETURN(creation.source_ledger, ledger_ahead(source));
  if (!creation.source_ledger.empty()) {
    ASSIGN_OR_RETURN(const auto ahead, registry_.execution_facts(creation.source_ledger));
    if (ahead) {
      creation.lineage = ahead->lineage;
      creation.owns_staging = ahead->owns_staging;
    }
  }
  return creation;
}

// What earlier recoveries of this execution did is done: a further one goes on where the last of them ended, or it
// would give the same part of the source again, to slices of its own. If the ledger of that last one is lost, or it was
// removed, nothing tells any more what is done.
Result<ExecutionId> ExecutionStarts::ledger_ahead(const ExecutionRow& source) const {
  const DataLayout& layout = executions_.options().layout;
  ASSIGN_OR_RETURN(const ExecutionId behind, ledger_behind(source));
  if (behind.empty()) return behind;
  ASSIGN_OR_RETURN(const auto recoveries, registry_.recoveries_of(source.job_id));
  Registry::Descent at{.ex_id = behind};
  for (const auto& recovery : recoveries) {
    if (recovery.source_ledger != at.ex_id) continue;
    if (recovery.has_ledger || ledger_exists(layout.ledger_directory(recovery.ex_id.text))) at = recovery;
  }
  if (at.removed) return removed_ledger(source.ex_id, at.ex_id);
  if (at.ex_id != behind && !ledger_exists(layout.ledger_directory(at.ex_id.text)))
    return lost_ledger(at.ex_id.text, layout.ledger_directory(at.ex_id.text));
  return at.ex_id;
}

// An execution that never came to open its ledger has done nothing: what it was to recover is what there is. Empty:
// nobody in the chain ever began, so the recovery is a fresh start.
Result<ExecutionId> ExecutionStarts::ledger_behind(const ExecutionRow& source) const {
  const DataLayout& layout = executions_.options().layout;
  ExecutionRow at = source;
  while (!ledger_exists(layout.ledger_directory(at.ex_id.text))) {
    if (at.has_ledger) return lost_ledger(at.ex_id.text, layout.ledger_directory(at.ex_id.text));
    if (at.source_ledger.empty()) return ExecutionId();
    ASSIGN_OR_RETURN(auto earlier, registry_.execution_facts(at.source_ledger));
    if (!earlier) return removed_ledger(source.ex_id, at.source_ledger);
    at = std::move(*earlier);
  }
  return at.ex_id;
}

}  // namespace slicemill::master
