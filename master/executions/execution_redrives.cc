// ExecutionStarts, second part: redrives. A redrive is a recovery that runs quarantined records and nothing else.
#include <fmt/core.h>

#include <utility>

#include "core/ledger/redrive_trail.h"
#include "core/ledger/slice_ledger.h"
#include "core/model/mended_records.h"
#include "master/executions/execution_documents.h"
#include "master/executions/execution_starts.h"

namespace slicemill::master {

namespace {

constexpr int kTries = 25;
constexpr Duration kPause = std::chrono::milliseconds(200);  // for the controller of the last execution to leave

// Quarantined records, or slices of an earlier redrive that may not be done. Query executor.
Result<bool> has_something_to_redrive(const std::string& directory, const Json& records) {
  ASSIGN_OR_RETURN(const auto ledger, view_ledger(directory));
  if (!records.is_null()) {
    ASSIGN_OR_RETURN(MendedRecords chosen, parse_mended_records(records));
    RETURN_IF_ERROR(check_quarantined(*ledger, std::move(chosen)));
    return true;
  }
  ASSIGN_OR_RETURN(const auto first, ledger->quarantine(std::nullopt, 0, 1));
  if (!first.empty()) return true;
  ASSIGN_OR_RETURN(const auto open, ledger->open_counts());
  return ledger->header().cleanup == CleanupType::quarantine && open.error + open.start + open.pending > 0;
}

}  // namespace

struct ExecutionStarts::Redriving {
  ExecutionId asked;
  Job job;
  ExecutionOrigin creation;
  std::vector<JobWarning> warnings;
  Json records;  // as in RedriveRequest
  Turn turn;
  Reply<Submitted> reply;
};

void ExecutionStarts::redrive(const ExecutionId& id, RedriveRequest request, Reply<Submitted> reply) {
  const auto source = registry_.execution_beginning(id);
  if (!source) return reply(source.error());
  if (!*source) return reply(Error{ErrorCode::not_found, fmt::format("Execution {} was not found", id.text)});
  turns_.enter((*source)->job_id,
               [this, id, request = std::move(request), reply = std::move(reply)](Turn turn) mutable {
                 begin_redrive(id, std::move(request), std::move(turn), reply);
               });
}

void ExecutionStarts::begin_redrive(const ExecutionId& id, RedriveRequest request, Turn turn,
                                    const Reply<Submitted>& reply) {
  const auto source = existing(id);
  if (!source) return reply(source.error());
  const auto job = startable((*source)->job_id, "redriven");
  if (!job) return reply(job.error());
  const auto redriving =
      std::make_shared<Redriving>(Redriving{id, *job, {}, {}, std::move(request.records), std::move(turn), reply});
  validate_after(*job, *source, std::move(request.params),
                 [this, redriving, source = *source](Result<ValidatedJob> validated) {
                   if (!validated) return redriving->reply(validated.error());
                   if (const auto begun = redrive_validated(redriving, *source, std::move(*validated)); !begun)
                     return redriving->reply(begun.error());
                   redrive_if_any(redriving, kTries);
                 });
}

Result<void> ExecutionStarts::redrive_validated(const std::shared_ptr<Redriving>& redriving, const ExecutionRow& source,
                                                ValidatedJob validated) {
  redriving->warnings = std::move(validated.warnings);
  ASSIGN_OR_RETURN(redriving->creation,
                   recovery_of(source, std::move(validated), CleanupType::quarantine, false, redriving->records));
  return {};
}

void ExecutionStarts::redrive_if_any(const std::shared_ptr<Redriving>& redriving, int tries) {
  const Error none{ErrorCode::not_found, fmt::format("Execution {} has no quarantined records", redriving->asked.text)};
  if (redriving->creation.source_ledger.empty()) return redriving->reply(none);
  auto found = std::make_shared<Result<bool>>(false);
  loop_.offload(
      Loop::Executor::query,
      [found, redriving,
       directory = executions_.options().layout.ledger_directory(redriving->creation.source_ledger.text)] {
        *found = has_something_to_redrive(directory, redriving->records);
      },
      [this, found, redriving, none, tries, alive = std::weak_ptr<int>(alive_)] {
        if (alive.expired()) return;
        const bool held = !*found && found->error().code == ErrorCode::conflict;
        if (held && tries > 1) {
          loop_.after(kPause, [this, redriving, tries, alive] {
            if (!alive.expired()) redrive_if_any(redriving, tries - 1);
          });
          return;
        }
        if (!*found)
          return redriving->reply(held ? Error{ErrorCode::unavailable, found->error().message} : found->error());
        if (!**found) return redriving->reply(none);
        create(std::move(redriving->creation), std::nullopt,
               {.job_seq = redriving->job->seq, .warnings = std::move(redriving->warnings)}, std::move(redriving->turn),
               redriving->reply);
      });
}

}  // namespace slicemill::master
