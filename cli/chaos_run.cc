#include "cli/chaos_run.h"

#include <csignal>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "cli/default_dialect.h"
#include "core/query/date_period.h"
#include "core/runtime/log.h"

namespace slicemill::cli {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLook{10};

// The time of a line of an execution's history; 0: it has none.
WallMs time_of(const Json& change) {
  const auto period = query::parse_date_period(change.value("time", ""), 0);
  return period ? period->first : 0;
}

}  // namespace

void ChaosRun::run(Json job, std::vector<ChaosKill> kills, Done done) {
  kills_ = std::move(kills);
  next_ = 0;
  running_since_.reset();
  killed_.clear();
  ended_ = false;
  outcome_ = {};
  done_ = std::move(done);
  service_.submit(std::move(job), {}, [this](const Result<Submitted>& submitted) {
    if (!submitted) return finish(submitted.error());
    outcome_.ex_id = submitted->ex_id;
    look();
  });
}

void ChaosRun::finish(const Result<Outcome>& outcome) {
  if (const Done done = std::exchange(done_, nullptr)) done(outcome);
}

void ChaosRun::look() {
  if (!done_) return;
  service_.get_execution(outcome_.ex_id, [this](const Result<ShownDocument>& shown) {
    const auto document = shown ? whole_document(*shown) : Result<Json>(shown.error());
    if (!document) return finish(document.error());
    if (const auto status = parse_execution_status(document->value(member::kStatus, ""))) observe(*status);
    if (ended_ && processes(false).empty()) return measure();
    loop_.after(kLook, [this] { look(); });
  });
}

void ChaosRun::observe(ExecutionStatus status) {
  ended_ = is_terminal(status);
  if (ended_) return;
  if (status == ExecutionStatus::running && !running_since_) running_since_ = loop_.now();
  if (running_since_) kill_due();
}

// At most one at a look: a second one would find the first still listed.
void ChaosRun::kill_due() {
  if (next_ == kills_.size() || loop_.now() < *running_since_ + kills_[next_].at) return;
  const auto present = processes(true);
  if (present.empty()) return;  // about to be started again
  const Process& victim = present[kills_[next_].number % present.size()];
  log(LogLevel::warn, "chaos: killing {} {}", victim.is_controller ? "controller" : "worker", victim.pid);
  if (::kill(victim.pid, SIGKILL) == 0)
    ++(victim.is_controller ? outcome_.controllers_killed : outcome_.workers_killed);
  killed_.insert(victim.pid);
  ++next_;
}

void ChaosRun::measure() {
  service_.history(outcome_.ex_id, [this](const Result<std::vector<Json>>& history) {
    if (!history) return finish(history.error());
    WallMs began = 0;
    for (const Json& change : *history)
      if (began == 0 && change.value("to", "") == to_string(ExecutionStatus::running)) began = time_of(change);
    if (began != 0) outcome_.worked = milliseconds(time_of(history->back()) - began);
    finish(outcome_);
  });
}

// All that are left of the execution, or those that may be killed.
std::vector<ChaosRun::Process> ChaosRun::processes(bool victims) {
  std::vector<Process> found;
  const Json state = service_.cluster_state();
  for (const auto& node : state)
    for (const auto& entry : node.at("active")) {
      if (entry.value("ex_id", "") != outcome_.ex_id.text) continue;
      const Process process{entry.at("pid").get<pid_t>(), entry.at("assignment") == "execution_controller"};
      const bool planned = process.is_controller ? plan_.kills_controller : plan_.kills_workers;
      if (!victims || (planned && !killed_.contains(process.pid))) found.push_back(process);
    }
  return found;
}

}  // namespace slicemill::cli
