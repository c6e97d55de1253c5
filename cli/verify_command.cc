#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "cli/commands.h"
#include "cli/http_get.h"
#include "core/ledger/slice_ledger.h"
#include "core/model/execution.h"
#include "core/model/launch.h"
#include "core/outputs/output_publisher.h"
#include "core/runtime/config.h"
#include "core/runtime/json.h"

namespace slicemill::cli {
namespace {

constexpr std::int64_t kMasterTimeoutMs = 10'000;
// How long the controller of an execution that the master calls ended may need to leave the ledger.
constexpr std::chrono::milliseconds kLedgerPatience{5'000};
constexpr std::chrono::milliseconds kLedgerRetry{50};

struct LedgerPlace {
  std::string directory;
  std::chrono::milliseconds patience{0};
};

Result<LedgerPlace> ask_master(const CommandLine& line) {
  ASSIGN_OR_RETURN(const HttpTarget target, parse_master_url(line.master_url));
  ASSIGN_OR_RETURN(const HttpAnswer answer, http_get(target, "/v1/ex/" + line.ex_id, kMasterTimeoutMs));
  auto document = parse_json(answer.body);
  if (!document || !document->is_object()) {
    return Error(ErrorCode::unavailable,
                 fmt::format("{} is not a slicemill master: its answer is no JSON object", line.master_url));
  }
  const auto text = [&](const char* key) {
    const auto found = document->find(key);
    return found != document->end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  if (answer.status != 200) {
    return Error(ErrorCode::not_found,
                 fmt::format("{} has no execution {}: {}", line.master_url, line.ex_id, text("message")));
  }
  const std::string status_text = text("_status");
  const auto status = parse_execution_status(status_text);
  if (!status || !is_terminal(*status)) {
    return Error(ErrorCode::conflict,
                 fmt::format("execution {} is {}; verify needs an ended one", line.ex_id, status_text));
  }
  LedgerPlace place{.directory = text("ledger_directory"), .patience = kLedgerPatience};
  if (!ledger_exists(place.directory)) {
    return Error(
        ErrorCode::not_found,
        fmt::format("execution {} ended as {}, and there is no ledger of it at '{}' (is that on this machine?)",
                    line.ex_id, status_text, place.directory));
  }
  return place;
}

Result<LedgerPlace> look_in_data_directory(const CommandLine& line) {
  ASSIGN_OR_RETURN(const Settings settings,
                   resolve_settings({.flags = line.flags, .environment = own_environment(), .file = line.config_file}));
  const DataLayout layout = DataLayout::of(settings.text("data"));
  LedgerPlace place{.directory = layout.ledger_directory(line.ex_id)};
  if (!ledger_exists(place.directory)) {
    return Error(ErrorCode::not_found,
                 fmt::format("no ledger of execution {} at {}; which data directory? (--data, --master)", line.ex_id,
                             place.directory));
  }
  return place;
}

Result<std::unique_ptr<LedgerView>> open_view(const LedgerPlace& place) {
  const auto deadline = std::chrono::steady_clock::now() + place.patience;
  while (true) {
    auto view = view_ledger(place.directory);
    const bool locked = !view && view.error().code == ErrorCode::conflict;
    if (!locked || std::chrono::steady_clock::now() >= deadline) return view;
    std::this_thread::sleep_for(kLedgerRetry);  // the lock gives no event to wait for
  }
}

void print_names(const char* what, const std::vector<std::string>& names, std::uint64_t count) {
  for (const std::string& name : names) fmt::print("{}: {}\n", what, name);
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
  ASSIGN_OR_RETURN(const LedgerPlace place, line.master_url.empty() ? look_in_data_directory(line) : ask_master(line));
  ASSIGN_OR_RETURN(const auto view, open_view(place));
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
