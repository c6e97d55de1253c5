#include "master/executions/execution_starts.h"

#include <fmt/core.h>

#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "core/ledger/slice_ledger.h"
#include "master/executions/execution_documents.h"

namespace slicemill::master {

namespace {

Error removed_ledger(const ExecutionId& asked, const ExecutionId& removed) {
  return {
      ErrorCode::gone,
      fmt::format("execution {} cannot be recovered: execution {}, which it goes on from, was removed, and with its "
                  "ledger what tells which slices are done",
                  asked.text, removed.text)};
}

}  // namespace

ExecutionStarts::ExecutionStarts(Loop& loop, Registry& registry, Executions& executions, const JobDialect& dialect,
                                 const OperationCatalog& catalog, PathRule paths, const AssetCatalog& assets)
    : loop_(loop),
      registry_(registry),
      executions_(executions),
      dialect_(dialect),
      catalog_(catalog),
      rules_{.paths = std::move(paths),
             .assets = &assets,
             .no_cpu_limit = executions.no_cpu_limit(),
             .issues_for_clients = true} {}

Result<ValidatedJob> ExecutionStarts::validate(const Json& posted, Json params, const ExecutionId& ex_id) const {
  JobRules rules = rules_;
  rules.params.given = std::move(params);
  rules.now = loop_.wall_ms();
  rules.lineage = ex_id.text;
  return dialect_.validate(posted, catalog_, rules);
}

Result<ValidatedJob> ExecutionStarts::validate_after(const JobRow& job, const ExecutionRow& source, Json params) const {
  ASSIGN_OR_RETURN(const Json posted, job_document(job, dialect_));
  ASSIGN_OR_RETURN(const JobSpec former, spec_of(registry_, source));
  JobRules rules = rules_;
  rules.params.given = std::move(params);
  rules.params.earlier = former.params_given;
  rules.now = former.now != 0 ? former.now : source.created;
  rules.lineage = source.lineage.text;
  return dialect_.validate(posted, catalog_, rules);
}

Result<ValidatedJob> ExecutionStarts::configuration_for(const JobRow& job, const ExecutionRow& source,
                                                        ConfigSource which, Json params) const {
  if (which == ConfigSource::current) return validate_after(job, source, std::move(params));
  if (!params.empty())
    return Error{ErrorCode::invalid,
                 "params go with config=current: the execution's own configuration has its values already"};
  ASSIGN_OR_RETURN(ValidatedJob own, recovered_configuration(registry_, source, dialect_));
  RETURN_IF_ERROR(bundles_are_there(own.spec));
  return own;
}

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
  if (!is_large_document(posted)) {
    auto validated = dialect_.validate(posted, catalog_, rules);
    return done(std::move(posted), ex_id, std::move(validated));
  }
  struct Task {
    Json posted;
    ResolvedBundles bundles;
    Result<ValidatedJob> validated;
  };
  ResolvedBundles bundles(dialect_.bundles_named(posted, catalog_), *rules_.assets);
  auto task = std::make_shared<Task>(Task{std::move(posted), std::move(bundles), Error()});
  loop_.offload(
      Loop::Executor::documents,
      [task, rules = std::move(rules), &catalog = catalog_, &dialect = dialect_]() mutable {
        rules.assets = &task->bundles;
        task->validated = dialect.validate(task->posted, catalog, rules);
      },
      [task, ex_id, done = std::move(done), alive = std::weak_ptr<int>(alive_)] {
        if (!alive.expired()) done(std::move(task->posted), ex_id, std::move(task->validated));
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

Result<JobRow> ExecutionStarts::startable(const JobId& id, const char* what) const {
  RETURN_IF_ERROR(nothing_lives(id));
  ASSIGN_OR_RETURN(auto job, registry_.job(id));
  if (!job) return Error{ErrorCode::not_found, fmt::format("Job {} was not found", id.text)};
  if (job->deleted)
    return Error{ErrorCode::gone, fmt::format("Job {} has been deleted and cannot be {}.", id.text, what)};
  return std::move(*job);
}

// submitted: what the answer says beside the ids.
void ExecutionStarts::create(ExecutionRow row, std::optional<JobRow> job, Submitted submitted, Reply<Submitted> reply) {
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
  create(make_execution(std::move(creation), executions_.options().layout, dialect_), std::move(job),
         {.job_seq = job_seq, .warnings = std::move(validated.warnings)}, std::move(reply));
}

void ExecutionStarts::start(const JobId& id, StartRequest request, Reply<Submitted> reply) {
  const auto job = startable(id, "started");
  if (!job) {
    reply(job.error());
    return;
  }
  auto posted = job_document(*job, dialect_);
  const ExecutionId ex_id(random_uuid(loop_));
  auto validated = posted ? validate(*posted, request.params, ex_id) : posted.error();
  auto latest = registry_.latest_execution(id);
  if (!validated || !latest) {
    reply(validated ? latest.error() : validated.error());
    return;
  }
  const bool goes_on = validated->spec.goes_on;
  if (goes_on) {
    if (const auto there = newest_is_there(id, *latest); !there) return reply(there.error());
  }
  if (goes_on && *latest) {
    return recover_from(**latest, *job, ConfigSource::current, {.params = std::move(request.params)}, std::move(reply));
  }
  ExecutionOrigin creation;
  creation.ex_id = ex_id;
  creation.seq = registry_.new_execution_seq();
  creation.job_id = id;
  creation.now = loop_.wall_ms();
  creation.spec = std::move(validated->spec);
  creation.document = std::move(validated->document);
  create(make_execution(std::move(creation), executions_.options().layout, dialect_), std::nullopt,
         {.job_seq = job->seq, .warnings = std::move(validated->warnings)}, std::move(reply));
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
  const auto job = startable(id, "recovered");
  if (!job) {
    reply(job.error());
    return;
  }
  const auto latest = registry_.latest_execution(id);
  if (latest) {
    if (const auto there = newest_is_there(id, *latest); !there) return reply(there.error());
  }
  if (!latest || !*latest) {
    reply(latest ? Error{ErrorCode::not_found, fmt::format("Job {} is missing an execution to recover from", id.text)}
                 : latest.error());
    return;
  }
  const ConfigSource which = request.config.value_or(ConfigSource::current);
  recover_from(**latest, *job, which, std::move(request), std::move(reply));
}

void ExecutionStarts::recover(const ExecutionId& id, RecoverRequest request, Reply<Submitted> reply) {
  const auto source = registry_.execution(id);
  if (!source || !*source) {
    reply(source ? Error{ErrorCode::not_found, fmt::format("Execution {} was not found", id.text)} : source.error());
    return;
  }
  const auto job = startable((*source)->job_id, "recovered");
  if (!job) {
    reply(job.error());
    return;
  }
  const ConfigSource which = request.config.value_or(ConfigSource::own);
  recover_from(**source, *job, which, std::move(request), std::move(reply));
}

void ExecutionStarts::recover_from(const ExecutionRow& source, const JobRow& job, ConfigSource which,
                                   RecoverRequest request, Reply<Submitted> reply) {
  auto validated = configuration_for(job, source, which, std::move(request.params));
  if (!validated) {
    reply(validated.error());
    return;
  }
  const bool goes_on = validated->spec.goes_on;
  std::vector<JobWarning> warnings = std::move(validated->warnings);
  auto row = recovery_of(source, std::move(*validated), request.cleanup, goes_on);
  if (!row) {
    reply(row.error());
    return;
  }
  create(std::move(*row), std::nullopt, {.job_seq = job.seq, .warnings = std::move(warnings), .config = which},
         std::move(reply));
}

Result<ExecutionRow> ExecutionStarts::recovery_of(const ExecutionRow& source, ValidatedJob job, CleanupType cleanup,
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
    ASSIGN_OR_RETURN(const auto ahead, registry_.execution(creation.source_ledger));
    if (ahead) {
      creation.lineage = ahead->lineage;
      creation.owns_staging = ahead->owns_staging;
    }
  }
  return make_execution(std::move(creation), executions_.options().layout, dialect_);
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
    ASSIGN_OR_RETURN(auto earlier, registry_.execution(at.source_ledger));
    if (!earlier) return removed_ledger(source.ex_id, at.source_ledger);
    at = std::move(*earlier);
  }
  return at.ex_id;
}

}  // namespace slicemill::master
