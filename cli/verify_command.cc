#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/commands.h"
#include "cli/ended_ledger.h"
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

Result<ExitCode> verify(const CommandLine& line) {
  ASSIGN_OR_RETURN(const auto view, line.master_url.empty() ? stored_ledger(line) : ended_ledger_of_master(line));
  const LedgerHeader& header = view->header();
  ASSIGN_OR_RETURN(const Json job, parse_json(header.execution));
  ASSIGN_OR_RETURN(const auto publisher, make_publisher(job, header.lineage, posix_files()));
  if (publisher == nullptr) {
    fmt::print("execution {}: its last operation publishes nothing that could be verified\n", line.ex_id);
    return ExitCode::ok;
  }
  const OutputSource outputs = [&](const OutputVisitor& visit) { return view->for_each_output(visit); };
  ASSIGN_OR_RETURN(const VerifyReport report, publisher->verify(outputs, header.joined));
  print_report(line.ex_id, header, report);
  return report.clean() ? ExitCode::ok : ExitCode::failed;
}

}  // namespace

ExitCode verify_execution(const CommandLine& line) {
  const auto code = verify(line);
  return code ? *code : report(code.error());
}

}  // namespace slicemill::cli
