// `slicemill run`, and a redrive without a master: one job in this process, without a server. Its ledger is an ordinary
// one: it can be resumed and verified.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/client/plain_words.h"
#include "cli/commands.h"
#include "cli/connections.h"
#include "cli/ended_ledger.h"
#include "cli/execution_settings.h"
#include "cli/job_file.h"
#include "cli/local_assets.h"
#include "cli/run_progress.h"
#include "cli/run_retention.h"
#include "cli/run_summary.h"
#include "cli/settings.h"
#include "cli/shell_words.h"
#include "core/ledger/redrive_trail.h"
#include "core/ledger/slice_ledger.h"
#include "core/model/job_spec.h"
#include "core/model/launch.h"
#include "core/model/mended_records.h"
#include "core/model/stats_json.h"
#include "core/runtime/asio_loop.h"
#include "core/runtime/config.h"
#include "core/runtime/files.h"
#include "core/runtime/ids.h"
#include "core/runtime/log.h"
#include "core/runtime/printable.h"
#include "core/runtime/process.h"
#include "core/runtime/text.h"
#include "execution-controller/local_run.h"
#include "worker/worker.h"

namespace slicemill::cli {
namespace {

struct RunSetup {
  controller::LocalRunOptions options;
  std::string resume;  // the command that goes on with the execution
  std::string place;   // words for commands that look at it
  bool fail_on_quarantine = false;
  std::string output;          // path that the last operation writes to; "" if it has none
  std::string news;            // what there is to say before it begins
  bool shows_records = false;  // an operation writes them to standard output, where nothing else goes then
};

// The job of a new execution.
Result<JobSpec> new_execution(const CommandLine& line, const std::string& job_file, const DataLayout& layout,
                              const std::string& ex_id, JobMoment moment) {
  ASSIGN_OR_RETURN(const LocalAssets assets, LocalAssets::open(line.assets, layout.data + "/bundles"));
  ASSIGN_OR_RETURN(moment.given, set_params(line.set));
  if (moment.lineage.empty()) moment.lineage = ex_id;
  ASSIGN_OR_RETURN(ValidatedJob job, read_resolved_job(job_file, assets, moment));
  job.spec.ex_id = ex_id;
  job.spec.job_id = random_uuid();
  return std::move(job.spec);
}

// The mended job for the execution that goes on from this ledger: with the values and the moment that the former one
// had, unless the command line gives others.
Result<JobSpec> mended_execution(const CommandLine& line, const std::string& job_file, const DataLayout& layout,
                                 const LedgerHeader& header, const std::string& ex_id,
                                 const ConnectionTypes& connections) {
  ASSIGN_OR_RETURN(const JobSpec former, parse_job_spec(header.execution));
  ASSIGN_OR_RETURN(JobSpec execution, new_execution(line, job_file, layout, ex_id,
                                                    {.given = Json::object(),
                                                     .earlier = former.params_given,
                                                     .now = former.now != 0 ? former.now : header.created_ms,
                                                     .lineage = header.lineage.front(),
                                                     .connections = connections}));
  if (!former.job_id.empty()) execution.job_id = former.job_id;
  return execution;
}

// Gives an interrupted execution an outcome, since another one goes on from it: it must not go on as itself any more.
Result<void> end_interrupted(const std::string& directory, const std::string& successor) {
  AsioLoop loop;
  ASSIGN_OR_RETURN(const auto ledger, open_ledger_next_epoch(loop, directory));
  LedgerBatch batch;
  batch.outcome = LedgerOutcome{ExecutionStatus::stopped,
                                fmt::format("interrupted; execution {} goes on from it with another job", successor),
                                loop.wall_ms()};
  std::optional<Error> failure;
  ledger->write(std::move(batch), [&](const Result<void>& synced) {
    if (!synced) failure = synced.error();
    loop.stop();
  });
  loop.run();
  if (failure) return *std::move(failure);
  return ledger->close();
}

// Where earlier redrives and recoveries have come: what they did is done.
Result<std::string> newest_of(const DataLayout& layout, const std::string& ex_id) {
  ASSIGN_OR_RETURN(NewestLedger newest, newest_ledger(layout.data + "/ledgers", ex_id));
  if (newest.unknown)
    return with_context(*newest.unknown, fmt::format("cannot tell whether it descends from {}", ex_id));
  return std::move(newest.ex_id);
}

// An execution that has no outcome yet goes on as itself; a failed or stopped one is recovered by a new execution, from
// where earlier recoveries and redrives of it have come: what they did is done. With a mended job it is always a new
// one.
Result<void> resume(const DataLayout& layout, const CommandLine& line, const ConnectionTypes& connections,
                    RunSetup& plan) {
  ControllerLaunch& launch = plan.options.launch;
  const std::string& ex_id = line.resume_ex_id;
  const std::string own = layout.ledger_directory(ex_id);
  if (!ledger_exists(own)) return with_context(no_ledger(layout, ex_id), "nothing to resume");
  launch.ex_id = ex_id;
  ASSIGN_OR_RETURN(auto view, view_ledger(own));
  ASSIGN_OR_RETURN(launch.job, parse_job_spec(view->header().execution));
  if (view->header().outcome) {
    view.reset();  // it is looked at again
    ASSIGN_OR_RETURN(launch.ex_id, newest_of(layout, ex_id));
    ASSIGN_OR_RETURN(view, view_ledger(layout.ledger_directory(launch.ex_id)));
  }
  const LedgerHeader header = view->header();
  view.reset();
  if (!header.outcome && line.mended_job.empty()) {
    ASSIGN_OR_RETURN(launch.job, parse_job_spec(header.execution));
    return {};
  }
  // A recovery of one type, or a redrive, completes without what it was not asked for.
  if (header.outcome && header.outcome->status == ExecutionStatus::completed && header.cleanup == CleanupType::none) {
    return Error(ErrorCode::conflict,
                 fmt::format("execution {} ended as completed; there is nothing to resume", launch.ex_id));
  }
  const std::string source = launch.ex_id;
  launch.source_ledger_directory = layout.ledger_directory(source);
  launch.ex_id = random_uuid();
  if (line.mended_job.empty()) {
    launch.job.ex_id = launch.ex_id;
  } else {
    ASSIGN_OR_RETURN(launch.job, mended_execution(line, line.mended_job, layout, header, launch.ex_id, connections));
  }
  if (!header.outcome) RETURN_IF_ERROR(end_interrupted(launch.source_ledger_directory, launch.ex_id));
  launch.epoch = header.epoch + 2;  // above that of the opening which gave it its outcome
  plan.news = fmt::format("execution {} ended as {}; {} goes on from it\n", source,
                          to_string(header.outcome ? header.outcome->status : ExecutionStatus::stopped), launch.ex_id);
  return {};
}

// A new execution that runs what is quarantined, with the given job or the one that the records come from.
Result<void> redrive(const DataLayout& layout, const CommandLine& line, const Json& records,
                     const ConnectionTypes& connections, RunSetup& plan) {
  ControllerLaunch& launch = plan.options.launch;
  const std::string own = layout.ledger_directory(line.ex_id);
  if (!ledger_exists(own)) return with_context(no_ledger(layout, line.ex_id), "nothing to redrive");
  ASSIGN_OR_RETURN(const std::string newest, newest_of(layout, line.ex_id));
  launch.source_ledger_directory = layout.ledger_directory(newest);
  ASSIGN_OR_RETURN(const auto view, view_ledger(launch.source_ledger_directory));
  const LedgerHeader& header = view->header();
  if (!line.set.empty() && line.job_file.empty())
    return Error(ErrorCode::invalid, "quarantine: --set goes with --job; without it the records' job keeps its values");
  if (!header.outcome) {
    return Error(ErrorCode::conflict,
                 fmt::format("execution {} has not ended; go on with `slicemill run --resume {}`", newest, newest));
  }
  ASSIGN_OR_RETURN(const auto first, view->quarantine(std::nullopt, 0, 1));
  if (first.empty())
    return Error(ErrorCode::not_found, fmt::format("execution {} has no quarantined records", line.ex_id));
  if (!records.is_null()) {
    ASSIGN_OR_RETURN(MendedRecords chosen, parse_mended_records(records));
    RETURN_IF_ERROR(check_quarantined(*view, std::move(chosen)));
  }
  launch.ex_id = random_uuid();
  if (line.job_file.empty()) {
    ASSIGN_OR_RETURN(launch.job, parse_job_spec(header.execution));
    launch.job.ex_id = launch.ex_id;
  } else {
    ASSIGN_OR_RETURN(launch.job, mended_execution(line, line.job_file, layout, header, launch.ex_id, connections));
  }
  launch.job.redriven_records = records;
  launch.cleanup = CleanupType::quarantine;
  launch.epoch = header.epoch + 1;
  plan.news = fmt::format("execution {} redrives the quarantined records of {}\n", launch.ex_id, line.ex_id);
  return {};
}

std::string output_path(const JobSpec& job) {
  return join(job.plan.output_paths(), ", ");
}

bool writes_to_standard_output(const JobSpec& job) {
  return std::ranges::any_of(job.plan.nodes, [](const PlanNode& node) {
    const OperationSchema* const schema = builtin_operations().find(node.operation.name);
    return schema != nullptr && schema->uses_standard_output;
  });
}

Result<std::shared_ptr<void>> make_local_worker(AsioLoop& loop, std::unique_ptr<ClientChannel> channel,
                                                const std::string& log_directory) {
  const std::string id = new_worker_id(loop).text;
  worker::WorkerSettings settings;
  settings.worker_id = id;
  auto made = std::make_shared<worker::Worker>(loop, std::move(channel), nullptr, settings,
                                               worker::builtin_runner({id, log_directory}), [](const std::string&) {});
  made->start();
  return std::shared_ptr<void>(std::move(made));
}

// For the shell of whoever gave this command, with what it says of the place.
std::string resume_command(const CommandLine& line, const std::string& ex_id) {
  std::string command = fmt::format("slicemill run --resume {}", ex_id);
  if (const auto data = line.flags.find("data"); data != line.flags.end())
    command += " --data " + for_shell(data->second);
  if (!line.config_file.empty()) command += " --config " + for_shell(line.config_file);
  return command;
}

Result<RunSetup> make_setup(const CommandLine& line, const Settings& settings, const Json& redriven_records) {
  const DataLayout layout = DataLayout::of(settings.text("data"));
  ASSIGN_OR_RETURN(const ConnectionBook book, configured_connections(settings));
  RunSetup plan;
  ControllerLaunch& launch = plan.options.launch;
  launch.epoch = 0;  // the ledger issues epochs
  if (line.redrive) {
    RETURN_IF_ERROR(redrive(layout, line, redriven_records, book.types(), plan));
  } else if (line.resume_ex_id.empty()) {
    launch.ex_id = random_uuid();
    ASSIGN_OR_RETURN(launch.job,
                     new_execution(line, line.job_file, layout, launch.ex_id, {.connections = book.types()}));
  } else {
    RETURN_IF_ERROR(resume(layout, line, book.types(), plan));
  }
  RETURN_IF_ERROR(use_connections(book, launch.job));
  launch.ledger_directory = layout.ledger_directory(launch.ex_id);
  launch.log_path = layout.log_directory(launch.ex_id) + "/run.log";
  launch.settings = execution_settings(settings);
  launch.job_id = launch.job.job_id;
  plan.options.workers = static_cast<std::uint32_t>(line.workers > 0 ? line.workers : launch.job.workers);
  plan.options.make_worker = [logs = layout.log_directory(launch.ex_id)](AsioLoop& loop, auto channel) {
    return make_local_worker(loop, std::move(channel), logs);
  };
  plan.resume = resume_command(line, launch.ex_id);
  plan.place = place_words(line);
  plan.fail_on_quarantine = line.fail_on_quarantine;
  plan.output = output_path(launch.job);
  plan.shows_records = writes_to_standard_output(launch.job);
  RETURN_IF_ERROR(posix_files().create_directories(layout.log_directory(launch.ex_id)));
  RETURN_IF_ERROR(posix_files().create_directories(layout.data + "/ledgers"));
  ASSIGN_OR_RETURN(const LogLevel level, parse_log_level(settings.text("log_level")));
  RETURN_IF_ERROR(start_logging({.path = launch.log_path, .process = "run", .level = level}));
  return plan;
}

ExitCode outcome_code(const controller::ControllerOutcome& outcome) {
  if (outcome.ledger_error) return exit_code_of(*outcome.ledger_error);
  if (outcome.obstacle) return ExitCode::storage;
  switch (outcome.status) {
    case ExecutionStatus::completed:
      return ExitCode::ok;
    case ExecutionStatus::stopped:
      return ExitCode::interrupted;  // only a signal stops a run
    default:
      return ExitCode::failed;
  }
}

// What the first error has in further lines, such as a script's last words, is printed as it is: the reason has its
// first one.
void print_last_words(const ControllerLaunch& launch, const controller::ControllerOutcome& outcome) {
  if (outcome.counters.failed == 0 || outcome.ledger_error) return;
  const auto view = view_ledger(launch.ledger_directory);
  if (!view) return;
  const auto errors = (*view)->errors(outcome.counters.failed - 1, 1);  // the newest come first
  if (!errors || errors->empty()) return;
  const std::string_view error = errors->front().error;
  for (std::string_view rest = error.substr(first_line(error).size()); !rest.empty();) {
    const std::string_view line = first_line(rest.substr(1));
    say(stderr, printable(line) + "\n");
    rest.remove_prefix(1 + line.size());
  }
}

// What the controller says of the run, with what only this command knows.
Json whole_summary(const RunSetup& plan, const controller::ControllerOutcome& outcome, ExitCode code) {
  Json summary = outcome.stats ? Json::parse(summary_json(*outcome.stats)) : Json::object();
  summary["ledger"] = plan.options.launch.ledger_directory;
  summary["log"] = plan.options.launch.log_path;
  summary["resume"] = code == ExitCode::ok ? Json() : Json(plan.resume);
  return summary;
}

Result<void> write_summary_file(const std::string& path, const Json& summary) {
  ASSIGN_OR_RETURN(const auto file, posix_files().create(path));
  RETURN_IF_ERROR(file->write(to_compact_text(summary) + "\n"));
  return file->close();
}

void tell_summary(const CommandLine& line, const RunSetup& plan, const controller::ControllerOutcome& outcome,
                  ExitCode code, std::chrono::milliseconds took) {
  const Json summary = whole_summary(plan, outcome, code);
  std::FILE* const stream = plan.shows_records ? stderr : stdout;
  if (line.telling.summary == SummaryForm::json) {
    say(stream, printable_json(to_compact_text(summary)) + "\n");
  } else {
    const std::string closing =
        closing_line(plan.options.launch.ex_id, outcome.status, outcome.counters, took, plan.output);
    say(stream, closing + "\n" + (line.telling.is_quiet ? "" : summary_text(summary)));
  }
  if (line.telling.summary_file.empty()) return;
  if (const auto written = write_summary_file(line.telling.summary_file, summary); !written)
    report_warning("the summary could not be written: " + written.error().message);
}

// A resume helps where something is done already, and what is left can be done as the job is now.
std::string what_next(const RunSetup& plan, const controller::ControllerOutcome& outcome, const std::string& cause) {
  if (is_about_input(cause))
    return "mend the input and run the job anew, or let `_dead_letter_action: quarantine` in the job set bad records "
           "aside";
  const bool began = outcome.counters.processed > 0 || !plan.options.launch.source_ledger_directory.empty();
  if (outcome.status == ExecutionStatus::failed && !outcome.obstacle && !began)
    return "nothing was done yet: with that mended, run the job anew";
  const bool has_failed = outcome.status == ExecutionStatus::failed && outcome.counters.failed > 0;
  return fmt::format("go on with `{}`{}", plan.resume,
                     has_failed ? " (--job FILE, if the job is what was mended)" : "");
}

ExitCode conclude(const CommandLine& line, const RunSetup& plan, const controller::ControllerOutcome& outcome,
                  std::chrono::milliseconds took) {
  const ControllerLaunch& launch = plan.options.launch;
  const std::string cause = plain_cause(outcome.reason);
  const ExitCode code = outcome_code(outcome);
  const std::string log = fmt::format(" (log: {})", launch.log_path);
  if (outcome.ledger_error) {
    const std::string& text = outcome.ledger_error->message;
    return report(Error(outcome.ledger_error->code, fmt::format("execution {}: {}{}", launch.ex_id, text, log)), code);
  }
  tell_summary(line, plan, outcome, code, took);
  for (const std::string& remark : outcome.remarks) report_warning(remark);
  print_last_words(launch, outcome);
  if (code == ExitCode::ok && plan.fail_on_quarantine && outcome.counters.quarantined > 0) {
    return report(
        Error(ErrorCode::invalid, fmt::format("execution {} has quarantined records; see `slicemill quarantine {}{}`",
                                              launch.ex_id, launch.ex_id, plan.place)),
        ExitCode::quarantined);
  }
  if (code == ExitCode::ok) return code;
  const std::string next = what_next(plan, outcome, cause);
  if (outcome.obstacle) {
    return report(Error(ErrorCode::no_space,
                        fmt::format("{}; with that out of the way, {}{}", outcome.obstacle->message, next, log)),
                  code);
  }
  if (code == ExitCode::interrupted) {
    return report(Error(ErrorCode::cancelled, fmt::format("interrupted; {}{}", next, log)), code);
  }
  return report(Error(ErrorCode::internal, fmt::format("execution {} {}: {}; {}{}", launch.ex_id,
                                                       to_string(outcome.status), cause, next, log)),
                code);
}

}  // namespace

namespace {

ExitCode run(const CommandLine& line, const Json& redriven_records) {
  std::signal(SIGPIPE, SIG_IGN);  // a closed terminal is no reason to leave the work
  raise_open_file_limit();        // output by fields of records has many files open
  const auto settings = settings_of(line);
  if (!settings) return report(settings.error(), ExitCode::bad_input);
  for (const std::string& warning : settings->warnings()) report_warning(warning);
  auto plan = make_setup(line, *settings, redriven_records);
  if (!plan)
    return report(plan.error(),
                  plan.error().code == ErrorCode::io ? ExitCode::cannot_start : exit_code_of(plan.error()));

  if (!line.telling.summary_file.empty()) {  // better refused now than after the work
    if (const auto file = posix_files().create(line.telling.summary_file); !file)
      return report(with_context(file.error(), "--summary-file"), ExitCode::bad_input);
  }
  const ProgressForm form =
      line.telling.is_quiet ? ProgressForm::none : progress_form(line.telling.progress, plan->shows_records);
  const bool is_told = form != ProgressForm::none;
  if (!plan->news.empty())
    say(plan->shows_records || line.telling.summary == SummaryForm::json ? stderr : stdout, plan->news);
  if (is_told)
    say(stderr, fmt::format("progress: execution {} begins; `{}` goes on with it, should it be interrupted\n",
                            plan->options.launch.ex_id, plan->resume));
  RunProgress progress(form);
  if (is_told) {
    plan->options.progress_every = RunProgress::kDrawEvery;
    plan->options.on_progress = [&progress](const controller::StatusReport& report) {
      if (report.stats) progress.show(report.status, *report.stats);
    };
  }
  plan->options.on_notice = [&progress](const std::string& notice) {
    progress.end();
    report_warning(notice);
  };
  plan->options.on_leaving = [&progress, &plan] {
    progress.end();
    say(stderr, fmt::format("progress: slices in flight finish; a second interrupt ends at once; go on with `{}`\n",
                            plan->resume));
  };
  const auto began = std::chrono::steady_clock::now();
  const auto outcome = controller::run_locally(plan->options);
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began);
  progress.end();
  flush_log();
  remove_old_runs(DataLayout::of(settings->text("data")), *settings, plan->options.launch.ex_id);
  if (!outcome) return report(outcome.error());
  return conclude(line, *plan, *outcome, took);
}

}  // namespace

ExitCode run_local(const CommandLine& line) {
  return run(line, Json());
}

ExitCode redrive_locally(const CommandLine& line, const Json& records) {
  return run(line, records);
}

}  // namespace slicemill::cli
