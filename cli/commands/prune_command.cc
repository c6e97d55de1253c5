// `slicemill prune`.
#include <fmt/format.h>

#include <cstdint>
#include <cstdio>
#include <functional>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "cli/client/stored_executions.h"
#include "cli/commands.h"
#include "cli/commands/client_commands.h"
#include "cli/default_dialect.h"
#include "cli/ended_ledger.h"
#include "cli/stored_runs.h"
#include "core/runtime/printable.h"

namespace slicemill::cli {
namespace {

constexpr std::size_t kPrunePage = 1'000;
constexpr const char* kEnded = "completed,stopped,rejected,failed,terminated";

// All ended ones, those that ended last first. Read whole before anything is deleted: pages shift with each deletion.
Result<std::vector<Json>> ended_executions(const MasterClient& master) {
  std::vector<Json> all;
  while (true) {
    ASSIGN_OR_RETURN(auto page, master.list(fmt::format("/v1/ex?status={}&{}&from={}&size={}", kEnded,
                                                        kLatestChangeFirst, all.size(), kPrunePage)));
    const bool is_last = page.size() < kPrunePage;
    std::move(page.begin(), page.end(), std::back_inserter(all));
    if (is_last) return all;
  }
}

// One that may go: what its documents say, and how it is taken away.
struct Candidate {
  Json document;
  std::function<Result<void>()> remove;
};

// Deletes those of the candidates, the latest end first, that the options mean; tells their ids and what that freed.
Result<void> prune(const ClientOptions& options, std::vector<Candidate> candidates) {
  const std::size_t all = candidates.size();
  const WallMs now = wall_now();
  std::erase_if(candidates, [&, place = std::int64_t{0}](const Candidate& candidate) mutable {
    const auto changed = time_of(candidate.document, member::kUpdated);
    const bool is_kept = place++ < options.keep.value_or(0);
    return is_kept || !changed || (options.older_than_ms && now - *changed < *options.older_than_ms);
  });
  std::size_t deleted = 0, refused = 0;
  std::uint64_t freed = 0;
  // The oldest first: what went on from others can go once they are gone.
  for (auto candidate = candidates.rbegin(); candidate != candidates.rend(); ++candidate) {
    const std::uint64_t bytes = disk_bytes(candidate->document).value_or(0);
    if (!options.dry_run) {
      if (const auto removed = candidate->remove(); !removed) {
        const ErrorCode code = removed.error().code;
        if (code != ErrorCode::conflict && code != ErrorCode::gone) return removed.error();
        report_warning(removed.error().message);  // others depend on it, or another one was faster
        ++refused;
        continue;
      }
    }
    ++deleted;
    freed += bytes;
    fmt::print("{}\n", printable(text_of(candidate->document, "ex_id")));
    std::fflush(stdout);
  }
  note(fmt::format("{} of {} ended executions {} deleted{}{}", deleted, all, options.dry_run ? "would be" : "are",
                   freed > 0 ? ", " + bytes_text(static_cast<double>(freed)) + " of ledgers and logs" : "",
                   refused > 0 ? fmt::format("; {} stay", refused) : ""));
  return {};
}

Result<void> prune_of_master(const CommandLine& line) {
  ASSIGN_OR_RETURN(const MasterClient master, MasterClient::of(line));
  ASSIGN_OR_RETURN(auto ended, ended_executions(master));
  std::vector<Candidate> candidates;
  for (Json& document : ended) {
    const std::string path = "/v1/ex/" + url_encoded(text_of(document, "ex_id"));
    candidates.push_back({std::move(document), [&master, path]() -> Result<void> {
                            const auto removed = master.remove(path);
                            return removed ? Result<void>() : Result<void>(removed.error());
                          }});
  }
  return prune(line.client, std::move(candidates));
}

Result<void> prune_stored(const CommandLine& line) {
  ASSIGN_OR_RETURN(const DataLayout layout, data_layout(line));
  StoredRuns runs = StoredRuns::read(layout, false);
  ASSIGN_OR_RETURN(auto documents, stored_executions(layout));
  std::vector<Candidate> candidates;
  for (Json& document : documents) {
    const StoredRun* run = runs.find(text_of(document, "ex_id"));
    if (run == nullptr || !run->is_run || run->ended == 0) continue;
    candidates.push_back(
        {std::move(document), [&runs, run]() -> Result<void> {
           if (const auto ancestor = runs.left_ancestor(*run)) {
             return Error(ErrorCode::conflict,
                          fmt::format("execution {} stays: it goes on from {}, which stays", run->ex_id, *ancestor));
           }
           return runs.remove(*run);
         }});
  }
  return prune(line.client, std::move(candidates));
}

}  // namespace

ExitCode prune_executions(const CommandLine& line) {
  return code_of(asks_data_directory(line) ? prune_stored(line) : prune_of_master(line));
}

}  // namespace slicemill::cli
