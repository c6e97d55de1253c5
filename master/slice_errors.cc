#include "master/slice_errors.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "core/ledger/slice_ledger.h"
#include "core/ledger/slice_record_json.h"

namespace slicemill::master {

namespace {

constexpr int kLedgerTries = 25;
constexpr Duration kLedgerPause = std::chrono::milliseconds(200);

Result<std::vector<Json>> errors_in(const std::string& directory, std::int64_t from, std::int64_t size) {
  std::vector<Json> records;
  if (!ledger_exists(directory)) return records;  // never started
  ASSIGN_OR_RETURN(const auto ledger, view_ledger(directory));
  ASSIGN_OR_RETURN(const auto rows, ledger->errors(static_cast<std::uint64_t>(from), static_cast<std::uint64_t>(size)));
  for (const auto& row : rows) records.push_back(slice_record_json(row, ledger->header().lineage));
  return records;
}

Result<std::vector<Json>> records_in(const std::string& body) {
  auto json = parse_json(body);
  if (!json) return json.error();
  if (!json->is_array())
    return Error{ErrorCode::internal, "the execution controller answered with errors that are no list"};
  std::vector<Json> records;
  for (auto& record : *json) records.push_back(std::move(record));
  return records;
}

}  // namespace

// of_all, one execution after the other until `size` records are there.
struct SliceErrors::Collection {
  std::vector<ExecutionId> executions;
  std::size_t next = 0;
  std::int64_t skip = 0;
  std::int64_t size = 0;
  std::vector<Json> records;
  Reply<std::vector<Json>> reply;
};

SliceErrors::SliceErrors(Loop& loop, Registry& registry, Executions& executions)
    : loop_(loop), registry_(registry), executions_(executions) {}

void SliceErrors::of_execution(const ExecutionId& id, std::int64_t from, std::int64_t size,
                               Reply<std::vector<Json>> reply) {
  const LiveExecution* live = executions_.find(id);
  if (live != nullptr && live->status != ExecutionStatus::pending && !is_terminal(live->status)) {
    auto answered = [this, id, from, size, reply = std::move(reply)](const Result<wire::Answer>& answer) {
      if (answer) {
        reply(records_in(answer->body));
      } else if (answer.error().code == ErrorCode::cancelled) {
        read_ledger(id, from, size, kLedgerTries, reply);  // it has ended meanwhile
      } else {
        reply(answer.error());
      }
    };
    executions_.links().query(id, wire::QueryName::errors, static_cast<std::uint64_t>(from),
                              static_cast<std::uint64_t>(size), std::move(answered));
    return;
  }
  const auto row = registry_.execution(id);
  if (!row) {
    reply(row.error());
  } else if (!*row) {
    reply(Error{ErrorCode::not_found, fmt::format("Execution {} was not found", id.text)});
  } else {
    read_ledger(id, from, size, kLedgerTries, std::move(reply));
  }
}

void SliceErrors::read_ledger(const ExecutionId& id, std::int64_t from, std::int64_t size, int tries,
                              Reply<std::vector<Json>> reply) {
  auto result = std::make_shared<Result<std::vector<Json>>>(std::vector<Json>());
  loop_.offload(
      Loop::Lane::query,
      [result, directory = executions_.options().layout.ledger_directory(id.text), from, size] {
        *result = errors_in(directory, from, size);
      },
      [this, alive = std::weak_ptr<int>(alive_), result, id, from, size, tries, reply = std::move(reply)] {
        if (alive.expired()) return;
        const bool held = !*result && result->error().code == ErrorCode::conflict;
        if (!held) {
          reply(std::move(*result));
        } else if (tries <= 1) {
          reply(Error{ErrorCode::unavailable, result->error().message});
        } else {
          loop_.after(kLedgerPause, [this, alive, id, from, size, tries, reply] {
            if (!alive.expired()) read_ledger(id, from, size, tries - 1, reply);
          });
        }
      });
}

void SliceErrors::of_all(std::int64_t from, std::int64_t size, Reply<std::vector<Json>> reply) {
  auto collection = std::make_shared<Collection>();
  collection->skip = from;
  collection->size = size;
  collection->reply = std::move(reply);
  for (const auto* live : executions_.all()) {
    if (live->failed > 0) collection->executions.push_back(live->ex_id);
  }
  std::reverse(collection->executions.begin(), collection->executions.end());
  auto ended = registry_.executions_with_errors(kMostExecutions);
  if (!ended) {
    collection->reply(ended.error());
    return;
  }
  for (auto& id : *ended) {
    if (executions_.find(id) == nullptr) collection->executions.push_back(std::move(id));
  }
  collect(collection);
}

void SliceErrors::collect(const std::shared_ptr<Collection>& collection) {
  const auto have = static_cast<std::int64_t>(collection->records.size());
  if (collection->next == collection->executions.size() || have >= collection->size) {
    collection->reply(std::move(collection->records));
    return;
  }
  const ExecutionId id = collection->executions[collection->next++];
  // How many there are to skip is not known, so they are read.
  of_execution(id, 0, collection->skip + collection->size - have,
               [this, collection](Result<std::vector<Json>> records) {
                 if (!records) {
                   collection->reply(records.error());
                   return;
                 }
                 for (auto& record : *records) {
                   if (collection->skip > 0) {
                     --collection->skip;
                   } else if (static_cast<std::int64_t>(collection->records.size()) < collection->size) {
                     collection->records.push_back(std::move(record));
                   }
                 }
                 collect(collection);
               });
}

}  // namespace slicemill::master
