#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/connections.h"
#include "cli/ended_ledger.h"
#include "cli/settings.h"
#include "connectors/sink_types.h"
#include "core/ledger/slice_ledger.h"
#include "core/model/execution.h"
#include "core/outputs/output_publisher.h"
#include "core/runtime/json.h"
#include "core/runtime/printable.h"

namespace slicemill::cli {
namespace {

void print_names(const char* what, const std::vector<std::string>& names, std::uint64_t count) {
  for (const std::string& name : names) fmt::print("{}: {}\n", what, printable(name));
  if (count > names.size()) fmt::print("{}: and {} more\n", what, count - names.size());
}

void print_report(const std::string& ex_id, const LedgerHeader& header, const VerifyReport& report) {
  print_names("missing", report.missing, report.missing_count);
  print_names("altered", report.altered, report.altered_count);
  print_names("extra", report.extra, report.extra_count);
  fmt::print(
      "execution {} {}: {} of {} outputs match the ledger ({} records, {} bytes); {} missing, {} altered, {} extra\n",
      ex_id, header.outcome ? to_string(header.outcome->status) : "not ended", report.matching, report.expected,
      report.records, report.bytes, report.missing_count, report.altered_count, report.extra_count);
}

// The jobs of the executions that this one goes on from, as far as their ledgers are there still: a mended job may
// write elsewhere than they did.
Result<std::vector<FormerJob>> former_jobs(const std::string& ledgers, const LedgerHeader& header) {
  std::vector<FormerJob> former;
  for (std::size_t i = 0; i + 1 < header.lineage.size(); ++i) {
    const std::string directory = ledgers + "/" + header.lineage[i];
    if (!ledger_exists(directory)) continue;
    ASSIGN_OR_RETURN(const auto view, view_ledger(directory));
    ASSIGN_OR_RETURN(JobSpec job, parse_job_spec(view->header().execution));
    former.push_back({view->header().epoch, std::move(job)});
  }
  return former;
}

// What was written elsewhere is looked at with the connections of the jobs that wrote it. Read once, as variables that
// hold secrets are taken away.
class Reach {
 public:
  explicit Reach(const CommandLine& line) : line_(line) {}

  Result<void> use(const JobSpec& job, const std::vector<FormerJob>& former) {
    std::vector<std::string> names = connection_names(job);
    for (const FormerJob& earlier : former)
      for (auto& name : connection_names(earlier.job)) names.push_back(std::move(name));
    if (names.empty()) return {};
    if (!book_) {
      ASSIGN_OR_RETURN(const Settings settings, settings_of(line_));
      ASSIGN_OR_RETURN(book_, configured_connections(settings));
    }
    ASSIGN_OR_RETURN(Connections connections, book_->resolve(names));
    set_process_connections(std::move(connections));
    return {};
  }

 private:
  const CommandLine& line_;
  std::optional<ConnectionBook> book_;
};

// Nothing: its last operation publishes nothing. ledgers: the directory that holds them.
Result<std::optional<VerifyReport>> compare(const LedgerView& view, const std::string& ledgers, Reach& reach) {
  const LedgerHeader& header = view.header();
  ASSIGN_OR_RETURN(const JobSpec job, parse_job_spec(header.execution));
  ASSIGN_OR_RETURN(const auto former, former_jobs(ledgers, header));
  RETURN_IF_ERROR(reach.use(job, former));
  ASSIGN_OR_RETURN(
      const auto publisher,
      make_publisher(job, sink_types(), {header.lineage, posix_files(), header.joined, process_connections()}));
  if (publisher == nullptr) return std::optional<VerifyReport>();
  const OutputSource outputs = [&](const OutputVisitor& visit) { return view.for_each_output(visit); };
  ASSIGN_OR_RETURN(VerifyReport report, publisher->verify(outputs, header.joined, former));
  return std::optional(std::move(report));
}

// What went on from an execution may have joined its parts, or published what it left committed: then its own ledger
// does not tell what the output should be, and that of the last one does. Nothing: nobody went on from it.
Result<std::optional<ExitCode>> judge_by_descendant(const std::string& ledgers, const std::string& ex_id,
                                                    Reach& reach) {
  ASSIGN_OR_RETURN(const NewestLedger newest, newest_ledger(ledgers, ex_id));
  if (newest.ex_id == ex_id) {
    if (newest.unknown)
      fmt::print("an execution that goes on from {} may be at work: {}\n", ex_id, newest.unknown->message);
    return std::optional<ExitCode>();
  }
  ASSIGN_OR_RETURN(const auto view, view_ledger(ledgers + "/" + newest.ex_id));
  ASSIGN_OR_RETURN(const auto report, compare(*view, ledgers, reach));
  if (!report) return std::optional<ExitCode>();
  fmt::print("execution {} goes on from {}; its ledger tells what the output is by now\n", newest.ex_id, ex_id);
  print_report(newest.ex_id, view->header(), *report);
  return std::optional(report->clean() ? ExitCode::ok : ExitCode::failed);
}

Result<ExitCode> verify(const CommandLine& line) {
  Reach reach(line);
  ASSIGN_OR_RETURN(EndedLedger ledger, line.master_url.empty() ? stored_ledger(line) : ended_ledger_of_master(line));
  const std::string ledgers = ledger.directory.substr(0, ledger.directory.rfind('/'));
  ASSIGN_OR_RETURN(const auto report, compare(*ledger.view, ledgers, reach));
  if (!report) {
    fmt::print("execution {}: its last operation publishes nothing that could be verified\n", line.ex_id);
    return ExitCode::ok;
  }
  const LedgerHeader header = ledger.view->header();
  if (!report->clean()) {
    ledger.view.reset();  // it is among those that are looked at
    ASSIGN_OR_RETURN(const auto code, judge_by_descendant(ledgers, line.ex_id, reach));
    if (code) return *code;
  }
  print_report(line.ex_id, header, *report);
  return report->clean() ? ExitCode::ok : ExitCode::failed;
}

}  // namespace

ExitCode verify_execution(const CommandLine& line) {
  const auto code = verify(line);
  return code ? *code : report(code.error());
}

}  // namespace slicemill::cli
