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
  JobRow job;
  ExecutionRow creation;
  std::vector<JobWarning> warnings;
  Json records;  // as in RedriveRequest
  Reply<Submitted> reply;
};

void ExecutionStarts::redrive(const ExecutionId& id, RedriveRequest request, Reply<Submitted> reply) {
  auto begun = redriving(id, std::move(request));
  if (!begun) return reply(begun.error());
  begun->reply = std::move(reply);
  redrive_if_any(std::make_shared<Redriving>(std::move(*begun)), kTries);
}

Result<ExecutionStarts::Redriving> ExecutionStarts::redriving(const ExecutionId& id, RedriveRequest request) {
  Redriving redriving;
  redriving.asked = id;
  ASSIGN_OR_RETURN(const auto source, registry_.execution(id));
  if (!source) return Error{ErrorCode::not_found, fmt::format("Execution {} was not found", id.text)};
  ASSIGN_OR_RETURN(redriving.job, startable(source->job_id, "redriven"));
  ASSIGN_OR_RETURN(ValidatedJob validated, validate_after(redriving.job, *source, std::move(request.params)));
  redriving.warnings = std::move(validated.warnings);
  redriving.records = std::move(request.records);
  ASSIGN_OR_RETURN(redriving.creation,
                   recovery_of(*source, std::move(validated), CleanupType::quarantine, false, redriving.records));
  return redriving;
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
        // Somebody may have started the job while the ledger was read.
        if (const auto free = nothing_lives(redriving->job.job_id); !free) return redriving->reply(free.error());
        create(std::move(redriving->creation), std::nullopt,
               {.job_seq = redriving->job.seq, .warnings = std::move(redriving->warnings)},
               std::move(redriving->reply));
      });
}

}  // namespace slicemill::master
