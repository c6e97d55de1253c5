// `slicemill pause`, `resume`, `stop`, `recover`, `restart`, `workers`, `delete`.
#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "cli/client/stored_executions.h"
#include "cli/commands.h"
#include "cli/commands/client_commands.h"
#include "cli/default_dialect.h"
#include "cli/ended_ledger.h"
#include "cli/job_file.h"
#include "cli/shell_words.h"
#include "cli/stored_runs.h"
#include "core/runtime/printable.h"

namespace slicemill::cli {
namespace {

// A stop ends at the latest at the job's own deadline, which may be far.
constexpr std::int64_t kStopPatienceMs = 10 * 60 * 1'000;

// The answer as data, or its sentence.
void tell(const CommandLine& line, const Json& answer, const std::string& sentence) {
  if (is_data_format(line.client.output)) return print_document(line.client.output, answer);
  fmt::print("{}\n", printable(sentence));
}

// What the master says of an execution that has ended, or has not begun, is that there is none.
Error with_status(const NamedExecution& execution, const char* what, Error error) {
  if (error.code != ErrorCode::not_found) return error;
  const auto document = execution.master.get(execution.path());
  if (!document) return error;
  return {ErrorCode::conflict,
          fmt::format("execution {0} is {1}, and has nothing to {2}; see `slicemill explain {0}{3}`", execution.ex_id,
                      text_of(*document, member::kStatus), what, execution.master.place())};
}

Result<void> change_status(const CommandLine& line, const char* what, const std::string& verb) {
  ASSIGN_OR_RETURN(NamedExecution execution, named_execution(line));
  execution.master.set_patience(kStopPatienceMs);
  const auto changed = execution.master.post(execution.path(verb));
  if (!changed) return with_status(execution, what, changed.error());
  const Json& answer = *changed;
  tell(line, answer, fmt::format("execution {} is {}", execution.ex_id, text_of(answer, "status")));
  return {};
}

std::string stop_verb(const ClientOptions& options) {
  std::string verb = "/_stop?blocking=true";
  if (options.force) verb += "&force=true";
  if (options.timeout_ms) verb += fmt::format("&timeout={}", *options.timeout_ms);
  return verb;
}

// A new execution has come to be: its id, and how it ends if that is to be waited for.
Result<ExitCode> go_on_with(const CommandLine& line, const MasterClient& master, const Json& submitted) {
  const std::string ex_id = text_of(submitted, "ex_id");
  const bool as_data = is_data_format(line.client.output);
  if (as_data && !line.client.wait)
    print_document(line.client.output, submitted);
  else if (!as_data)
    fmt::print("{}\n", printable(ex_id));
  std::fflush(stdout);
  if (!line.client.wait) return ExitCode::ok;
  return await_end({master, ex_id}, line);
}

// What the values of --set are in a request; null: none are given, and none needs a body.
Result<Json> params_body(const CommandLine& line) {
  ASSIGN_OR_RETURN(Json params, set_params(line.set));
  return params.empty() ? Json() : Json{{"params", std::move(params)}};
}

// The execution's job becomes the one of this file. Not while the execution lives: then it could not be recovered.
Result<void> mend_job(const NamedExecution& execution, const std::string& path) {
  ASSIGN_OR_RETURN(const Json document, execution.master.get(execution.path()));
  if (!has_ended(document)) return with_way_out(execution, Error(ErrorCode::conflict, std::string()));
  ASSIGN_OR_RETURN(const Json job, job_to_post(path, Json::object(), false));
  const auto put = execution.master.put("/v1/jobs/" + url_encoded(text_of(document, "job_id")), job);
  if (put) return {};
  return put.error().code == ErrorCode::invalid ? with_context(put.error(), path) : put.error();
}

Result<ExitCode> recover(const CommandLine& line) {
  ASSIGN_OR_RETURN(const Json body, params_body(line));
  ASSIGN_OR_RETURN(const NamedExecution execution, named_execution(line));
  if (!line.mended_job.empty()) RETURN_IF_ERROR(mend_job(execution, line.mended_job));
  const std::string config = line.mended_job.empty() ? line.client.config : "current";
  std::string verb = "/_recover";
  for (const auto& [name, value] : {std::pair("cleanup_type", line.client.slices), {"config", config}})
    if (!value.empty()) verb += fmt::format("{}{}={}", verb.find('?') == std::string::npos ? '?' : '&', name, value);
  const auto submitted = execution.master.post(execution.path(verb), body);
  if (!submitted) return with_way_out(execution, submitted.error());
  return go_on_with(line, execution.master, *submitted);
}

Result<ExitCode> restart(const CommandLine& line) {
  ASSIGN_OR_RETURN(const Json body, params_body(line));
  ASSIGN_OR_RETURN(NamedExecution execution, named_execution(line));
  ASSIGN_OR_RETURN(const Json document, execution.master.get(execution.path()));
  if (!has_ended(document)) {
    execution.master.set_patience(kStopPatienceMs);
    ASSIGN_OR_RETURN(const Json stopped, execution.master.post(execution.path("/_stop?blocking=true")));
    note(fmt::format("execution {} is {}", execution.ex_id, text_of(stopped, "status")));
  }
  ASSIGN_OR_RETURN(const Json submitted,
                   execution.master.post("/v1/jobs/" + url_encoded(text_of(document, "job_id")) + "/_start", body));
  return go_on_with(line, execution.master, submitted);
}

Result<void> set_workers(const CommandLine& line) {
  ASSIGN_OR_RETURN(const NamedExecution execution, named_execution(line));
  const auto& [action, count] = std::tie(line.client.action, line.client.count);
  const auto changed = execution.master.post(execution.path(fmt::format("/_workers?{}={}", action, count)));
  if (!changed && action == "remove" && changed.error().code == ErrorCode::invalid)
    return Error(
        ErrorCode::invalid,
        fmt::format("execution {0} has not more than {1} workers, and keeps at least one: remove fewer, or end "
                    "it with `slicemill stop {0}{2}`",
                    execution.ex_id, count, execution.master.place()));
  if (!changed) return with_status(execution, "give workers to", changed.error());
  const Json& answer = *changed;
  const std::string sentence = action == "total"
                                   ? fmt::format("execution {} is to have {} workers", execution.ex_id, count)
                                   : fmt::format("execution {} is to have {} workers {}", execution.ex_id, count,
                                                 action == "add" ? "more" : "less");
  tell(line, answer, sentence);
  return {};
}

// An id of a job is no id of an execution: the error says so instead of deleting more than was meant.
Error with_job_hint(const MasterClient& master, const CommandLine& line, Error error) {
  if (error.code == ErrorCode::not_found && may_begin_id(line.ex_id) && resolve_job(master, line.ex_id))
    error.message += fmt::format("; a job does: `slicemill delete --job {}{}` deletes it with its executions",
                                 line.ex_id, place_words(line));
  return error;
}

Result<void> remove_stored(const CommandLine& line) {
  if (line.client.of_job)
    return Error(ErrorCode::invalid, "delete: a data directory holds executions, no jobs; give one without --job");
  ASSIGN_OR_RETURN(const StoredName stored, stored_name(line));
  const std::string& ex_id = stored.ex_id;
  const auto refused = [&](const std::string& why) {
    return Error(ErrorCode::conflict, fmt::format("execution {} cannot be deleted: {}", ex_id, why));
  };
  StoredRuns runs = StoredRuns::read(stored.layout, false);
  const StoredRun* run = runs.find(ex_id);
  if (run == nullptr) return no_ledger(stored.layout, ex_id);
  if (!run->is_run) return refused("a master made it; `slicemill delete` asks that, with --master URL");
  if (!run->is_idle) {
    const Json document = stored_execution(stored.layout, ex_id);
    if (text_of(document, member::kStatus) != kUnreadable) return refused("a process is at work on it; end that first");
  }
  if (const auto ancestor = runs.left_ancestor(*run)) {
    return refused(
        fmt::format("it goes on from execution {}, which would be taken for unfinished without it; "
                    "`slicemill delete {}{}` first",
                    *ancestor, *ancestor, place_words(line)));
  }
  const Json answer = {{"ex_id", ex_id}, {member::kDeleted, true}};
  RETURN_IF_ERROR(runs.remove(*run));
  tell(line, answer, fmt::format("execution {} is deleted", ex_id));
  return {};
}

Result<void> remove(const CommandLine& line) {
  if (asks_data_directory(line)) return remove_stored(line);
  ASSIGN_OR_RETURN(const MasterClient master, MasterClient::of(line));
  if (line.client.of_job) {
    ASSIGN_OR_RETURN(const std::string job_id, resolve_job(master, line.ex_id));
    const auto removed = master.remove("/v1/jobs/" + url_encoded(job_id));
    if (!removed) {
      const auto latest = master.get("/v1/jobs/" + url_encoded(job_id) + "/ex");
      return latest ? with_way_out({master, text_of(*latest, "ex_id")}, removed.error()) : removed.error();
    }
    tell(line, *removed, fmt::format("job {} is deleted", job_id));
    return {};
  }
  auto ex_id = resolve_execution(master, line.ex_id);
  if (!ex_id) return with_job_hint(master, line, ex_id.error());
  const NamedExecution execution{master, *ex_id};
  const auto removed = master.remove(execution.path());
  if (!removed) return with_way_out(execution, removed.error());
  tell(line, *removed, fmt::format("execution {} is deleted", *ex_id));
  return {};
}

}  // namespace

ExitCode control_execution(const CommandLine& line) {
  switch (line.command) {
    case Command::pause:
      return code_of(change_status(line, "pause", "/_pause"));
    case Command::resume:
      return code_of(change_status(line, "resume", "/_resume"));
    case Command::stop:
      return code_of(change_status(line, "stop", stop_verb(line.client)));
    case Command::recover:
      return code_of(recover(line));
    case Command::restart:
      return code_of(restart(line));
    case Command::workers:
      return code_of(set_workers(line));
    default:
      return code_of(remove(line));
  }
}

}  // namespace slicemill::cli
