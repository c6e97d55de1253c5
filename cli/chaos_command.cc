// `slicemill run JOB --chaos ...`: the job runs with real processes that are killed at random, and what it wrote is
// judged afterwards.
//
// This process is the master, on a data directory of its own below the run's; controller and workers are what they are
// under any master. So the master itself cannot be a victim here. First the job runs undisturbed: that tells how long
// it takes, so that the kills find it at work, and what the other run must come to. Neither writes where the job does.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/chaos_plan.h"
#include "cli/chaos_run.h"
#include "cli/commands.h"
#include "cli/connections.h"
#include "cli/default_dialect.h"
#include "cli/job_file.h"
#include "cli/local_assets.h"
#include "cli/master_options.h"
#include "cli/run_progress.h"
#include "cli/settings.h"
#include "core/ledger/slice_ledger.h"
#include "core/runtime/asio_loop.h"
#include "core/runtime/children.h"
#include "core/runtime/config.h"
#include "core/runtime/files.h"
#include "core/runtime/ids.h"
#include "core/runtime/log.h"
#include "core/runtime/printable.h"
#include "master/master.h"
#include "operations/operation.h"

namespace slicemill::cli {
namespace {

using std::chrono::milliseconds;

constexpr int kRounds = 3;  // of a job that was too quick to be killed

// Where the sender's path leads instead: below a directory that holds nothing else.
class Redirection {
 public:
  explicit Redirection(const Json& job) {
    const Json& last = job.at("operations").back();
    const auto* schema = builtin_operations().find(dialect::operation_name(last.value(member::kOperation, "")));
    if (schema == nullptr || schema->kind != OperationKind::sender) return;
    for (const auto& option : schema->options)
      if (option.is_path && last.contains(option.name)) option_ = option.name;
    if (option_.empty()) return;
    path_ = last.at(option_).get<std::string>();
    while (path_.size() > 1 && path_.ends_with('/')) path_.pop_back();
    is_file_ = is_true(last, "single_file");
  }

  bool writes_files() const { return !option_.empty(); }
  const std::string& path() const { return path_; }

  Json redirected(Json job, const std::string& directory) const {
    if (writes_files()) {
      const std::string name = path_.substr(path_.rfind('/') + 1);
      job["operations"].back()[option_] = is_file_ ? directory + "/" + name : directory;
    }
    return job;
  }

 private:
  std::string option_;  // "": the job writes no files
  std::string path_;
  bool is_file_ = false;
};

// The directory that --out names, or a new one beside the job's own output.
Result<std::string> output_directory(const CommandLine& line, const Redirection& redirection) {
  if (!redirection.writes_files()) {
    if (line.out.empty()) return std::string();
    return Error(ErrorCode::invalid, "run: --out: the job writes no files");
  }
  if (line.out.empty()) return fmt::format("{}.chaos-{}", redirection.path(), random_uuid().substr(0, 8));
  ASSIGN_OR_RETURN(const std::string base, working_directory());
  std::string directory = (std::filesystem::path(base) / line.out).lexically_normal();
  while (directory.size() > 1 && directory.ends_with('/')) directory.pop_back();
  const auto there = posix_files().list(directory);
  if (!there && there.error().code != ErrorCode::not_found) return with_context(there.error(), "run: --out");
  if (there && !there->empty())
    return Error(
        ErrorCode::invalid,
        fmt::format("run: --out: {} is not empty; chaos writes beside earlier output, never into it", directory));
  return directory;
}

// What an ended execution came to, from its ledger.
struct Figures {
  std::string wrong;  // what does not hold, beside what `verify` compares; "": all holds
  SliceCounters counters;
};

std::string wrong_counts(const LedgerHeader& header, const SliceLedger::OpenCounts& open) {
  std::uint64_t created = 0;
  for (const auto& [slicer, position] : header.positions) created += position.highest_order;
  if (!header.outcome) return "it has no outcome";
  if (header.outcome->status != ExecutionStatus::completed)
    return fmt::format("it is {}: {}", to_string(header.outcome->status), header.outcome->reason);
  if (header.counters.processed != created || open.pending + open.start > 0)
    return fmt::format("{} of {} slices are processed", header.counters.processed, created);
  return header.counters.failed > 0 ? fmt::format("{} slices failed", header.counters.failed) : "";
}

Result<Figures> figures_of(const std::string& data, const ExecutionId& ex_id) {
  ASSIGN_OR_RETURN(const auto view, view_ledger(DataLayout::of(data).ledger_directory(ex_id.text)));
  ASSIGN_OR_RETURN(const auto open, view->open_counts());
  return Figures{wrong_counts(view->header(), open), view->header().counters};
}

// Whether two runs of the job must come to the same counts.
bool is_repeatable(const Json& job) {
  const Json& operations = job.at("operations");
  if (dialect::operation_name(operations.front().value(member::kOperation, "")) != "file_reader") return false;
  return std::all_of(operations.begin(), operations.end(), [](const Json& operation) {
    const auto* schema = builtin_operations().find(dialect::operation_name(operation.value(member::kOperation, "")));
    return schema != nullptr && (schema->repeatable || is_true(operation, "repeatable"));
  });
}

std::string differences(const SliceCounters& undisturbed, const SliceCounters& disturbed) {
  const auto counts = [](const SliceCounters& counters) {
    return fmt::format("{} slices, {} records in, {} out, {} quarantined", counters.processed, counters.records_in,
                       counters.records_out, counters.quarantined);
  };
  const std::string before = counts(undisturbed), after = counts(disturbed);
  return before == after ? "" : fmt::format("{}, but undisturbed {}", after, before);
}

std::string seconds(milliseconds time) {
  return fmt::format("{:.2f} s", std::chrono::duration<double>(time).count());
}

// What all runs of one command share.
struct Setting {
  std::string data;  // of the master
  std::string output;
  std::uint64_t seed = 0;
  ChaosPlan plan;
  Json job;
};

// Both runs, one after the other, and the outcome of each.
class ChaosCourse {
 public:
  ChaosCourse(AsioLoop& loop, master::Master& master, const Setting& setting)
      : loop_(loop),
        master_(master),
        setting_(setting),
        redirection_(setting.job),
        chaos_(loop, master.service(), setting.plan) {}

  Result<void> run() {
    loop_.on_signals([this](int) { leave(Error(ErrorCode::cancelled, "interrupted; no verdict")); });
    const Json job = redirection_.redirected(setting_.job, undisturbed_directory());
    chaos_.run(job, {}, [this](const Result<ChaosRun::Outcome>& outcome) {
      if (!outcome) return leave(outcome.error());
      undisturbed_outcome = disturbed_outcome = *outcome;
      leave_unless(compare());
    });
    loop_.run();
    (void)posix_files().remove_tree(undisturbed_directory());
    return failure_;
  }

  ChaosRun::Outcome undisturbed_outcome, disturbed_outcome;  // the same one if there was no second run
  Figures undisturbed;
  bool was_disturbed = false;

 private:
  std::string undisturbed_directory() const { return setting_.data + "/undisturbed"; }

  void leave(Result<void> result) {
    if (std::exchange(leaving_, true)) return;
    chaos_.give_up();
    failure_ = std::move(result);
    master_.shut_down([this] { loop_.stop(); });
  }

  void leave_unless(const Result<bool>& goes_on) {
    if (!goes_on) return leave(goes_on.error());
    if (!*goes_on) return leave({});
    disturb();
  }

  // Whether there is anything to disturb.
  Result<bool> compare() {
    ASSIGN_OR_RETURN(undisturbed, figures_of(setting_.data, undisturbed_outcome.ex_id));
    length_ = std::max(undisturbed_outcome.worked, least_chaos_length(setting_.plan.kills));
    return undisturbed.wrong.empty();
  }

  void disturb() {
    Json job = redirection_.redirected(setting_.job, setting_.output);
    // A slice is charged with the death of its worker; it shall not become an error for what was done to it on purpose.
    job["max_retries"] = job.value("max_retries", std::int64_t{3}) + setting_.plan.kills;
    const auto pause = slow_down(job);
    fmt::print("chaos seed={}: undisturbed the job took {} for {}{}\n", setting_.seed,
               seconds(undisturbed_outcome.worked), counted(undisturbed.counters.processed, "slice"),
               pause.count() == 0
                   ? ""
                   : fmt::format("; each slice waits {}, so that the kills find it at work", seconds(pause)));
    std::fflush(stdout);
    chaos_.run(std::move(job), draw_kills(setting_.seed, setting_.plan.kills, length_),
               [this](const Result<ChaosRun::Outcome>& outcome) {
                 if (!outcome) return leave(outcome.error());
                 disturbed_outcome = *outcome;
                 was_disturbed = true;
                 if (outcome->kills() > 0 || ++round_ == kRounds || !completed()) return leave({});
                 if (redirection_.writes_files())
                   if (const auto removed = posix_files().remove_tree(setting_.output); !removed)
                     return leave(removed.error());
                 length_ *= 2;
                 disturb();
               });
  }

  bool completed() const {
    const auto figures = figures_of(setting_.data, disturbed_outcome.ex_id);
    return figures && figures->wrong.empty();
  }

  // Its output stays the same.
  milliseconds slow_down(Json& job) const {
    if (undisturbed_outcome.worked >= length_) return milliseconds(0);
    const auto pause = pause_per_slice(length_, undisturbed.counters.processed, job.at("workers").get<std::int64_t>());
    if (pause.count() == 0) return pause;
    auto& operations = job.at("operations");
    operations.insert(operations.begin() + 1, Json{{member::kOperation, "delay"}, {"ms", pause.count()}});
    return pause;
  }

  AsioLoop& loop_;
  master::Master& master_;
  const Setting& setting_;
  const Redirection redirection_;
  ChaosRun chaos_;
  milliseconds length_{0};  // that the kills are spread over
  int round_ = 0;
  Result<void> failure_;
  bool leaving_ = false;
};

Result<ExitCode> judge(const CommandLine& line, const Setting& setting, const ChaosCourse& course) {
  const ChaosRun::Outcome& outcome = course.disturbed_outcome;
  ASSIGN_OR_RETURN(Figures figures, figures_of(setting.data, outcome.ex_id));
  if (figures.wrong.empty() && is_repeatable(setting.job))
    figures.wrong = differences(course.undisturbed.counters, figures.counters);
  if (course.was_disturbed) {
    CommandLine verify = line;
    verify.ex_id = outcome.ex_id.text;
    verify.flags["data"] = setting.data;
    if (const ExitCode code = verify_execution(verify); code != ExitCode::ok && figures.wrong.empty())
      figures.wrong = "output and ledger differ";
  } else {
    figures.wrong += ", though nothing was killed";
  }
  const std::string result =
      fmt::format("chaos seed={}: {} workers and {} controllers killed, {} slices", setting.seed,
                  outcome.workers_killed, outcome.controllers_killed, figures.counters.processed);
  if (!figures.wrong.empty()) {
    fmt::print("{}: FAILED, {}\n", result, printable(figures.wrong));
    return ExitCode::failed;
  }
  if (outcome.kills() == 0) {
    fmt::print("{}: NOTHING PROVEN, nothing was killed: the job ran for {} only\n", result, seconds(outcome.worked));
    return ExitCode::unproven;
  }
  fmt::print("{}: PASSED\n", result);
  return ExitCode::ok;
}

Result<ExitCode> run_chaos(const CommandLine& line, const Settings& settings) {
  Setting setting;
  ASSIGN_OR_RETURN(setting.plan, parse_chaos_plan(line.chaos));
  ASSIGN_OR_RETURN(Json given, set_params(line.set));
  ASSIGN_OR_RETURN(ConnectionBook connections, configured_connections(settings));
  ASSIGN_OR_RETURN(
      const ValidatedJob job,
      read_resolved_job(line.job_file, LocalAssets(), {.given = std::move(given), .connections = connections.types()}));
  setting.job = dialect::without_params(job.document);  // both runs are of the job as it is now
  if (line.workers > 0) setting.job["workers"] = line.workers;
  if (job.spec.persistent)
    return Error(ErrorCode::invalid, "run: --chaos: the job is persistent; its end is what is judged");
  if (job.spec.plan.form == Plan::Form::graph)
    return Error(ErrorCode::unsupported,
                 "a job with `sources` and `sinks` cannot be tried yet: give one with "
                 "`operations`");
  ASSIGN_OR_RETURN(setting.output, output_directory(line, Redirection(setting.job)));

  AsioLoop loop;
  const OrphanReaper orphans(loop);
  setting.seed = setting.plan.seed.value_or(loop.random() % 1'000'000);
  ASSIGN_OR_RETURN(master::MasterOptions options, master_options(settings, std::move(connections)));
  options.data = setting.data = fmt::format("{}/chaos/{}", settings.text("data"), random_uuid());
  options.stop_executions_on_exit = true;
  auto opened = master::Master::open(loop, std::move(options), dialect::job_dialect(), builtin_operations());
  if (!opened) return opened.error();
  RETURN_IF_ERROR(start_logging({.path = setting.data + "/logs/master.log", .process = "chaos"}));
  fmt::print("chaos seed={}: ledger and logs are in {}\n", setting.seed, setting.data);
  if (!setting.output.empty()) fmt::print("chaos seed={}: output goes to {}\n", setting.seed, setting.output);
  std::fflush(stdout);
  ChaosCourse course(loop, **opened, setting);
  const auto ran = course.run();
  opened->reset();
  if (!ran) return ran.error();
  return judge(line, setting, course);
}

}  // namespace

ExitCode run_with_chaos(const CommandLine& line) {
  const auto settings = settings_of(line);
  if (!settings) return report(settings.error(), ExitCode::bad_input);
  const auto code = run_chaos(line, *settings);
  if (code) return *code;
  return report(code.error(),
                code.error().code == ErrorCode::cancelled ? ExitCode::interrupted : exit_code_of(code.error()));
}

}  // namespace slicemill::cli
