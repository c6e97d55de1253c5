// `slicemill run JOB --chaos ...`: the job runs with real processes that are killed at random, and what it wrote is
// judged afterwards.
//
// This process is the master, on a data directory of its own below the run's; controller and workers are what they are
// under any master. So the master itself cannot be a victim here. The seed decides who is killed and when; the machine
// decides what they were doing.
#include <fmt/format.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "cli/chaos_plan.h"
#include "cli/commands.h"
#include "cli/job_file.h"
#include "cli/local_assets.h"
#include "cli/master_options.h"
#include "core/ledger/slice_ledger.h"
#include "core/runtime/asio_loop.h"
#include "core/runtime/children.h"
#include "core/runtime/config.h"
#include "core/runtime/ids.h"
#include "core/runtime/log.h"
#include "core/runtime/printable.h"
#include "master/master.h"
#include "operations/operation.h"

namespace slicemill::cli {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLook{50};
constexpr int kLeastPauseMs = 50, kMostPauseMs = 500;  // between two kills

class ChaosRun {
 public:
  ChaosRun(AsioLoop& loop, master::Master& master, const ChaosPlan& plan, std::uint64_t seed)
      : loop_(loop), master_(master), plan_(plan), chance_(seed) {}

  // Until the execution has ended and all of its processes are gone.
  Result<void> run(Json job) {
    loop_.on_signals([this](int) { leave(Error(ErrorCode::cancelled, "interrupted; no verdict")); });
    master_.service().submit(std::move(job), true, [this](const Result<Submitted>& submitted) {
      if (!submitted) return leave(submitted.error());
      ex_id = submitted->ex_id;
      look();
      kill_later();
    });
    loop_.run();
    return failure_;
  }

  ExecutionId ex_id;
  int workers_killed = 0, controllers_killed = 0;

 private:
  struct Process {
    pid_t pid;
    bool is_controller;
  };

  void leave(Result<void> result) {
    if (std::exchange(leaving_, true)) return;
    failure_ = std::move(result);
    master_.shut_down([this] { loop_.stop(); });
  }

  void look() {
    if (leaving_) return;
    master_.service().get_execution(ex_id, [this](const Result<Json>& document) {
      if (!document) return leave(document.error());
      const auto status = parse_execution_status(document->at("_status").get_ref<const std::string&>());
      ended_ = status && is_terminal(*status);
      if (ended_ && processes().empty()) return leave({});
      loop_.after(kLook, [this] { look(); });
    });
  }

  void kill_later() {
    const auto pause = std::uniform_int_distribution<int>(kLeastPauseMs, kMostPauseMs)(chance_);
    loop_.after(milliseconds(pause), [this] {
      if (ended_ || leaving_ || workers_killed + controllers_killed >= plan_.kills) return;
      kill_one();
      kill_later();
    });
  }

  void kill_one() {
    const auto present = processes();
    const auto number = chance_();  // drawn whether or not somebody is there, so that the seed goes on alike
    if (present.empty()) return;
    const Process& victim = present[number % present.size()];
    log(LogLevel::warn, "chaos: killing {} {}", victim.is_controller ? "controller" : "worker", victim.pid);
    if (::kill(victim.pid, SIGKILL) == 0) ++(victim.is_controller ? controllers_killed : workers_killed);
  }

  // Those that may be killed; all of them once the execution has ended.
  std::vector<Process> processes() {
    std::vector<Process> found;
    const Json state = master_.service().cluster_state();
    for (const auto& node : state)
      for (const auto& entry : node.at("active")) {
        if (entry.value("ex_id", "") != ex_id.text) continue;
        const bool is_controller = entry.at("assignment") == "execution_controller";
        if (ended_ || (is_controller ? plan_.kills_controller : plan_.kills_workers))
          found.push_back({entry.at("pid").get<pid_t>(), is_controller});
      }
    return found;
  }

  AsioLoop& loop_;
  master::Master& master_;
  const ChaosPlan& plan_;
  std::mt19937_64 chance_;
  Result<void> failure_;
  bool ended_ = false;
  bool leaving_ = false;
};

// What the ledger says that must hold, beside what `verify` compares. "" if it does.
std::string wrong_counts(const LedgerHeader& header, const SliceLedger::OpenCounts& open) {
  std::uint64_t born = 0;
  for (const auto& [slicer, position] : header.positions) born += position.highest_order;
  if (!header.outcome) return "it has no outcome";
  if (header.outcome->status != ExecutionStatus::completed)
    return fmt::format("it is {}: {}", to_string(header.outcome->status), header.outcome->reason);
  if (header.counters.processed != born || open.pending + open.start > 0)
    return fmt::format("{} of {} slices are processed", header.counters.processed, born);
  return header.counters.failed > 0 ? fmt::format("{} slices failed", header.counters.failed) : "";
}

Result<ExitCode> judge(const CommandLine& line, const std::string& data, std::uint64_t seed, const ChaosRun& run) {
  const DataLayout layout = DataLayout::of(data);
  std::string wrong;
  std::uint64_t slices = 0;
  {
    ASSIGN_OR_RETURN(const auto view, view_ledger(layout.ledger_directory(run.ex_id.text)));
    ASSIGN_OR_RETURN(const auto open, view->open_counts());
    wrong = wrong_counts(view->header(), open);
    slices = view->header().counters.processed;
  }
  CommandLine verify = line;
  verify.ex_id = run.ex_id.text;
  verify.flags["data"] = data;
  if (const ExitCode verified = verify_execution(verify); verified != ExitCode::ok && wrong.empty())
    wrong = "output and ledger differ";
  fmt::print("chaos seed={}: {} workers and {} controllers killed, {} slices: {}\n", seed, run.workers_killed,
             run.controllers_killed, slices, wrong.empty() ? "PASSED" : "FAILED, " + printable(wrong));
  return wrong.empty() ? ExitCode::ok : ExitCode::failed;
}

Result<ExitCode> run_chaos(const CommandLine& line, const Settings& settings) {
  ASSIGN_OR_RETURN(const ChaosPlan plan, parse_chaos_plan(line.chaos));
  ASSIGN_OR_RETURN(Json job, read_resolved_job(line.job_file, LocalAssets()));
  if (line.workers > 0) job["workers"] = line.workers;
  // A slice is charged with the death of its worker; it shall not become an error for what was done to it on purpose.
  job["max_retries"] = job.value("max_retries", std::int64_t{3}) + plan.kills;

  AsioLoop loop;
  const OrphanReaper orphans(loop);
  const std::uint64_t seed = plan.seed.value_or(loop.random() % 1'000'000);
  ASSIGN_OR_RETURN(master::MasterOptions options, master_options(settings));
  options.data = fmt::format("{}/chaos/{}", settings.text("data"), random_uuid());
  options.stop_executions_on_exit = true;
  const std::string data = options.data;
  auto opened = master::Master::open(loop, std::move(options), builtin_operations());
  if (!opened) return opened.error();
  RETURN_IF_ERROR(start_logging({.path = data + "/logs/master.log", .process = "chaos"}));
  fmt::print("chaos seed={}: ledger and logs are in {}\n", seed, data);
  std::fflush(stdout);
  ChaosRun run(loop, **opened, plan, seed);
  const auto ran = run.run(std::move(job));
  opened->reset();
  if (!ran) return ran.error();
  return judge(line, data, seed, run);
}

}  // namespace

ExitCode run_with_chaos(const CommandLine& line) {
  const auto settings =
      resolve_settings({.flags = line.flags, .environment = own_environment(), .file = line.config_file});
  if (!settings) return report(settings.error(), ExitCode::bad_input);
  const auto code = run_chaos(line, *settings);
  if (code) return *code;
  return report(code.error(),
                code.error().code == ErrorCode::cancelled ? ExitCode::interrupted : exit_code_of(code.error()));
}

}  // namespace slicemill::cli
