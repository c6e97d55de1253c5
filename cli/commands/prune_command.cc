// `slicemill prune`.
#include <fmt/format.h>

#include <cstdio>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/commands.h"
#include "cli/commands/client_commands.h"
#include "core/runtime/printable.h"

namespace slicemill::cli {
namespace {

constexpr std::size_t kPrunePage = 1'000;
constexpr const char* kEnded = "completed,stopped,rejected,failed,terminated";

// All ended ones, those that ended last first. Read whole before anything is deleted: pages shift with each deletion.
Result<std::vector<Json>> ended_executions(const MasterClient& master) {
  std::vector<Json> all;
  while (true) {
    ASSIGN_OR_RETURN(auto page, master.list(fmt::format("/v1/ex?status={}&sort=_updated:desc&from={}&size={}", kEnded,
                                                        all.size(), kPrunePage)));
    const bool is_last = page.size() < kPrunePage;
    std::move(page.begin(), page.end(), std::back_inserter(all));
    if (is_last) return all;
  }
}

Result<ExitCode> prune(const CommandLine& line) {
  const ClientOptions& options = line.client;
  ASSIGN_OR_RETURN(const MasterClient master, MasterClient::of(line));
  ASSIGN_OR_RETURN(const auto ended, ended_executions(master));
  const WallMs now = wall_now();
  std::size_t deleted = 0, refused = 0;
  for (std::size_t i = static_cast<std::size_t>(options.keep.value_or(0)); i < ended.size(); ++i) {
    const auto changed = time_of(ended[i], "_updated");
    if (!changed || (options.older_than_ms && now - *changed < *options.older_than_ms)) continue;
    const std::string ex_id = text_of(ended[i], "ex_id");
    if (!options.dry_run) {
      const auto removed = master.remove("/v1/ex/" + url_encoded(ex_id));
      if (!removed) {
        const ErrorCode code = removed.error().code;
        if (code != ErrorCode::conflict && code != ErrorCode::gone) return removed.error();
        report_warning(removed.error().message);  // others depend on it, or another one was faster
        ++refused;
        continue;
      }
    }
    ++deleted;
    fmt::print("{}\n", printable(ex_id));
    std::fflush(stdout);
  }
  note(fmt::format("{} of {} ended executions {} deleted{}", deleted, ended.size(),
                   options.dry_run ? "would be" : "are", refused > 0 ? fmt::format(", {} refused", refused) : ""));
  return ExitCode::ok;
}

}  // namespace

ExitCode prune_executions(const CommandLine& line) {
  return code_of(prune(line));
}

}  // namespace slicemill::cli
