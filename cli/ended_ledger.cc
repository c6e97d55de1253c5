#include "cli/ended_ledger.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "cli/default_dialect.h"
#include "cli/http_request.h"
#include "cli/settings.h"
#include "cli/shell_words.h"
#include "core/model/execution.h"
#include "core/runtime/config.h"
#include "core/runtime/files.h"
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

// By its statuses: a master may have been killed before it stored any figures. Unknown is yes.
bool has_run(const HttpTarget& target, const std::string& ex_id) {
  const auto answer = http_get(target, "/v1/ex/" + ex_id + "/history", kMasterTimeoutMs);
  const auto history = answer ? parse_json(answer->body) : Result<Json>(answer.error());
  if (!history || !history->is_array()) return true;
  return std::any_of(history->begin(), history->end(), [](const Json& change) {
    const auto to = change.is_object() ? change.find("to") : change.end();
    const auto status =
        to != change.end() && to->is_string() ? parse_execution_status(to->get<std::string>()) : std::nullopt;
    return status && (*status == ExecutionStatus::recovering || *status == ExecutionStatus::running ||
                      *status == ExecutionStatus::failing || *status == ExecutionStatus::paused);
  });
}

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
  const std::string status_text = text(member::kStatus);
  const auto status = parse_execution_status(status_text);
  if (!status || !is_terminal(*status)) {
    return Error(ErrorCode::conflict,
                 fmt::format("execution {} is {}; verify needs an ended one", line.ex_id, status_text));
  }
  LedgerPlace place{.directory = text("ledger_directory"), .patience = kLedgerPatience};
  if (!ledger_exists(place.directory) && !has_run(target, line.ex_id)) {
    return Error(ErrorCode::not_found,
                 fmt::format("execution {} ended as {} before it ran a slice: it has written nothing that could be "
                             "verified",
                             line.ex_id, status_text));
  }
  if (!ledger_exists(place.directory)) {
    return Error(
        ErrorCode::not_found,
        fmt::format("execution {} ended as {}, and there is no ledger of it at '{}': if that is on this machine, it is "
                    "lost, and nothing tells what its output should be",
                    line.ex_id, status_text, place.directory));
  }
  return place;
}

Result<LedgerPlace> look_in_data_directory(const CommandLine& line) {
  ASSIGN_OR_RETURN(const DataLayout layout, data_layout(line));
  LedgerPlace place{.directory = layout.ledger_directory(line.ex_id)};
  if (!ledger_exists(place.directory)) {
    return no_ledger(layout, line.ex_id);
  }
  return place;
}

Result<EndedLedger> open_view(const LedgerPlace& place) {
  const auto deadline = std::chrono::steady_clock::now() + place.patience;
  while (true) {
    auto view = view_ledger(place.directory);
    const bool locked = !view && view.error().code == ErrorCode::conflict;
    if (view) return EndedLedger{place.directory, std::move(*view)};
    if (!locked || std::chrono::steady_clock::now() >= deadline) return view.error();
    std::this_thread::sleep_for(kLedgerRetry);  // the lock gives no event to wait for
  }
}

}  // namespace

Result<DataLayout> data_layout(const CommandLine& line) {
  ASSIGN_OR_RETURN(const Settings settings, settings_of(line));
  return DataLayout::of(settings.text("data"));
}

Error no_ledger(const DataLayout& layout, const std::string& ex_id) {
  const std::string directory = layout.ledger_directory(ex_id);
  if (posix_files().stat(layout.log_directory(ex_id))) return lost_ledger(ex_id, directory);
  return Error(
      ErrorCode::not_found,
      fmt::format(
          "no ledger of execution {} at {}; `slicemill list --data {}` shows what is there, --data DIR or --master "
          "URL name another place",
          ex_id, directory, for_shell(layout.data)));
}

Result<std::vector<std::string>> ledgers_after(const std::string& ledgers, const std::string& ex_id) {
  std::map<std::size_t, std::string> found;  // by the length of the lineage
  ASSIGN_OR_RETURN(const auto names, posix_files().list(ledgers));
  for (const auto& name : names) {
    const std::string directory = ledgers + "/" + name;
    if (name == ex_id || !ledger_exists(directory)) continue;
    const auto view = view_ledger(directory);
    if (!view) continue;  // in use: what it takes is shown once that is done
    const auto& lineage = (*view)->header().lineage;
    if (std::find(lineage.begin(), lineage.end(), ex_id) != lineage.end()) found.emplace(lineage.size(), directory);
  }
  std::vector<std::string> directories;
  for (auto& [length, directory] : found) directories.push_back(std::move(directory));
  return directories;
}

namespace {

Result<NewestLedger> newest_ledger_now(const std::string& ledgers, const std::string& ex_id) {
  NewestLedger newest{.ex_id = ex_id, .unknown = std::nullopt};
  std::size_t most = 0;
  ASSIGN_OR_RETURN(const auto names, posix_files().list(ledgers));
  for (const auto& name : names) {
    const std::string directory = ledgers + "/" + name;
    if (!ledger_exists(directory)) continue;
    const auto view = view_ledger(directory);
    if (!view) {
      if (!newest.unknown) newest.unknown = view.error();
      continue;
    }
    const auto& lineage = (*view)->header().lineage;
    if (lineage.size() <= most || std::find(lineage.begin(), lineage.end(), ex_id) == lineage.end()) continue;
    most = lineage.size();
    newest.ex_id = name;
  }
  return newest;
}

}  // namespace

Result<NewestLedger> newest_ledger(const std::string& ledgers, const std::string& ex_id) {
  const auto deadline = std::chrono::steady_clock::now() + kLedgerPatience;
  while (true) {
    ASSIGN_OR_RETURN(NewestLedger newest, newest_ledger_now(ledgers, ex_id));
    const bool locked = newest.unknown && newest.unknown->code == ErrorCode::conflict;
    if (!locked || std::chrono::steady_clock::now() >= deadline) return newest;
    std::this_thread::sleep_for(kLedgerRetry);
  }
}

Result<EndedLedger> stored_ledger(const CommandLine& line) {
  ASSIGN_OR_RETURN(const LedgerPlace place, look_in_data_directory(line));
  return open_view(place);
}

Result<EndedLedger> ended_ledger_of_master(const CommandLine& line) {
  ASSIGN_OR_RETURN(const LedgerPlace place, ask_master(line));
  return open_view(place);
}

}  // namespace slicemill::cli
