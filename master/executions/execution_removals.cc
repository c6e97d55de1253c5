#include "master/executions/execution_removals.h"

#include <fmt/core.h>

#include <utility>

#include "core/outputs/output_publisher.h"
#include "core/runtime/files.h"
#include "core/runtime/json.h"
#include "core/runtime/log.h"

namespace slicemill::master {

namespace {

constexpr Duration kLookForProcesses = std::chrono::milliseconds(100);

Result<void> remove_files(const DataLayout& layout, const RemovedRow& row) {
  const std::string ledger = layout.ledger_directory(row.ex_id.text);
  for (const auto& tree :
       {ledger, ledger + ".tmp", layout.log_directory(row.ex_id.text), layout.marker_directory(row.ex_id.text)})
    RETURN_IF_ERROR(posix_files().remove_tree(tree));
  RETURN_IF_ERROR(posix_files().remove(layout.launch_file(row.ex_id.text)));
  return remove_staging(posix_files(), row.staging);
}

Error not_there(const ExecutionId& id) {
  return {ErrorCode::not_found, fmt::format("Execution {} was not found", id.text)};
}

}  // namespace

ExecutionRemovals::ExecutionRemovals(Loop& loop, Registry& registry, Executions& executions)
    : loop_(loop), registry_(registry), executions_(executions) {
  // Once the processes that live are known.
  loop_.post([this, alive = std::weak_ptr<int>(alive_)] {
    if (!alive.expired()) free_left();
  });
}

void ExecutionRemovals::free_left() {
  const auto rows = registry_.unfreed();
  if (!rows) return log(LogLevel::error, "cannot tell what removed executions left: {}", rows.error().message);
  for (const auto& row : *rows) free(row.ex_id, [](const Result<RemovedRow>&) {});
}

void ExecutionRemovals::remove(const ExecutionId& id, Reply<RemovedRow> reply) {
  const auto row = registry_.execution_facts(id);
  if (!row) return reply(row.error());
  if (!*row) return free(id, reply);  // or there was none
  auto removal = removal_of(**row);
  if (!removal) return reply(removal.error());
  RegistryBatch batch;
  batch.removed.push_back(std::move(*removal));
  registry_.write(std::move(batch), [this, id, reply = std::move(reply),
                                     alive = std::weak_ptr<int>(alive_)](const Result<void>& written) {
    if (alive.expired()) return;
    if (!written) return reply(written.error());
    free(id, reply);
  });
}

void ExecutionRemovals::remove_all(const std::vector<ExecutionId>& ids, std::function<void(Result<std::size_t>)> done) {
  RegistryBatch batch;
  std::vector<ExecutionId> removed;
  for (const auto& id : ids) {
    const auto row = registry_.execution_facts(id);
    if (!row || !*row) continue;
    auto removal = removal_of(**row);
    if (!removal) continue;
    batch.removed.push_back(std::move(*removal));
    removed.push_back(id);
  }
  if (removed.empty()) return done(std::size_t{0});
  registry_.write(std::move(batch), [this, removed = std::move(removed), done = std::move(done),
                                     alive = std::weak_ptr<int>(alive_)](const Result<void>& written) {
    if (alive.expired()) return;
    if (!written) return done(written.error());
    for (const auto& id : removed) free(id, [](const Result<RemovedRow>&) {});
    done(removed.size());
  });
}

Result<RegistryBatch::Removal> ExecutionRemovals::removal_of(const ExecutionRow& row) const {
  if (executions_.find(row.ex_id) != nullptr || !is_terminal(row.status)) {
    return Error{ErrorCode::conflict, fmt::format("Execution {} is {}, only an ended one can be removed",
                                                  row.ex_id.text, to_string(row.status))};
  }
  for (const auto* live : executions_.all()) {
    if (live->source_ledger != row.ex_id || live->has_ledger) continue;
    return Error{ErrorCode::conflict, fmt::format("Execution {} is about to be recovered by {}, it cannot be removed",
                                                  row.ex_id.text, live->ex_id.text)};
  }
  auto staging = staging_of(row);
  if (!staging) log(LogLevel::warn, "what execution {} staged stays: {}", row.ex_id.text, staging.error().message);
  return RegistryBatch::Removal{row.ex_id, row.seq, loop_.wall_ms(),
                                staging ? std::move(*staging) : std::vector<std::string>()};
}

// Without those where another execution of its lineage stages too: a recovery joins what its source staged.
Result<std::vector<std::string>> ExecutionRemovals::staging_of(const ExecutionRow& row) const {
  const auto places_of = [this](const ExecutionRow& one) -> Result<std::vector<std::string>> {
    ASSIGN_OR_RETURN(const JobSpec spec, spec_of(registry_, one));
    return staging_directories_of(spec, one.lineage.text);
  };
  if (!row.owns_staging) return std::vector<std::string>();
  ASSIGN_OR_RETURN(std::vector<std::string> own, places_of(row));
  if (own.empty()) return own;
  ASSIGN_OR_RETURN(const auto relatives, registry_.executions_of_lineage(row.lineage));
  for (const auto& relative : relatives) {
    if (relative.ex_id == row.ex_id || relative.deleted) continue;
    ASSIGN_OR_RETURN(const std::vector<std::string> places, places_of(relative));
    std::erase_if(own, [&](const std::string& place) { return std::ranges::find(places, place) != places.end(); });
  }
  return own;
}

void ExecutionRemovals::free(const ExecutionId& id, const std::function<void(Result<RemovedRow>)>& done) {
  const auto row = registry_.removed(id);
  if (!row) return done(row.error());
  if (!*row) return done(not_there(id));
  if ((*row)->freed) return done(**row);
  if (executions_.supervisor().has_group(id)) {  // its controller may still write what would then stay
    loop_.after(kLookForProcesses, [this, id, done, alive = std::weak_ptr<int>(alive_)] {
      if (!alive.expired()) free(id, done);
    });
    return;
  }
  auto result = std::make_shared<Result<void>>();
  loop_.offload(
      Loop::Executor::query,
      [result, row = **row, layout = executions_.options().layout] { *result = remove_files(layout, row); },
      [this, result, row = **row, done, alive = std::weak_ptr<int>(alive_)] {
        if (!alive.expired()) freed(row, *result, done);
      });
}

void ExecutionRemovals::freed(const RemovedRow& row, const Result<void>& result,
                              const std::function<void(Result<RemovedRow>)>& done) {
  if (!result) {  // the next master tries again, and so does who asks again
    log(LogLevel::error, "cannot free what execution {} left: {}", row.ex_id.text, result.error().message);
    return done(result.error());
  }
  log(LogLevel::info, "execution {} is removed", row.ex_id.text);
  RegistryBatch batch;
  batch.freed.push_back(row.ex_id);
  registry_.write(std::move(batch), [row, done](const Result<void>&) { done(row); });
}

void ExecutionRemovals::free_staging_of(const JobId& id) {
  const auto executions = registry_.executions_of(id);
  if (!executions) return log(LogLevel::error, "what job {} staged stays: {}", id.text, executions.error().message);
  std::vector<std::string> places;
  for (const auto& ex_id : *executions) {
    if (executions_.supervisor().has_group(ex_id)) {
      loop_.after(kLookForProcesses, [this, id, alive = std::weak_ptr<int>(alive_)] {
        if (!alive.expired()) free_staging_of(id);
      });
      return;
    }
    const auto row = registry_.execution_facts(ex_id);
    if (!row || !*row) continue;
    auto own = staging_of(**row);
    if (own) std::ranges::move(*own, std::back_inserter(places));
  }
  if (places.empty()) return;
  loop_.offload(
      Loop::Executor::query,
      [places = std::move(places)] {
        for (const auto& place : places) {
          const auto removed = remove_staging(posix_files(), {place});
          if (!removed) log(LogLevel::error, "cannot free {}: {}", place, removed.error().message);
        }
      },
      [] {});
}

}  // namespace slicemill::master
