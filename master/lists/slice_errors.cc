#include "master/lists/slice_errors.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "core/ledger/redrive_trail.h"
#include "core/ledger/slice_ledger.h"
#include "core/ledger/slice_record_json.h"
#include "core/runtime/log.h"

namespace slicemill::master {

namespace {

constexpr int kLedgerTries = 25;
constexpr Duration kLedgerPause = std::chrono::milliseconds(200);
constexpr std::uint64_t kPart = 5'000;  // records that are read at once
// A page of quarantined records ends here: each may have a megabyte. The rest is behind it, as with any page.
constexpr std::size_t kMostQuarantinedBytes = 32 << 20;

std::size_t bytes_of(const Json& record) {
  const auto bytes = record.find("bytes");
  return bytes != record.end() && bytes->is_string() ? bytes->get_ref<const std::string&>().size() : 0;
}

Result<std::vector<Json>> records_in(const std::string& body) {
  auto json = parse_json(body);
  if (!json) return json.error();
  if (!json->is_array())
    return Error{ErrorCode::internal, "the execution controller answered with something that is no list"};
  std::vector<Json> records;
  for (auto& record : *json) records.push_back(std::move(record));
  return records;
}

}  // namespace

struct SliceErrors::Reading {
  const JobDialect& dialect;
  wire::QueryName what = wire::QueryName::errors;
  std::vector<ExecutionId> executions;
  std::size_t next = 0;
  std::uint64_t from = 0;  // in the present one
  RecordPage page;
  Reply<std::vector<Json>> reply;
  std::size_t quarantined_bytes = 0;  // on the page
  std::vector<std::string> later;     // ledgers of what goes on from the present one, oldest first; of quarantine

  const ExecutionId& present() const { return executions[next]; }
  bool is_full() const { return page.is_full() || quarantined_bytes > kMostQuarantinedBytes; }
  void offer(Json record) {
    if (is_full()) return;
    if (what == wire::QueryName::quarantine) quarantined_bytes += bytes_of(record);
    page.offer(dialect.slice_document(std::move(record)));
  }

  // All records of an ended execution's ledger that belong on the page. Query executor.
  Result<void> read(const std::string& directory, bool had_ledger) {
    if (!ledger_exists(directory)) {
      if (!had_ledger) return {};  // never started
      return lost_ledger(present().text, directory);
    }
    ASSIGN_OR_RETURN(const auto ledger, view_ledger(directory));
    const auto& lineage = ledger->header().lineage;
    ASSIGN_OR_RETURN(const RedriveTrail trail, RedriveTrail::open(later));
    // What a controller has told before it ended is on a page of quarantined records already.
    std::uint64_t at = what == wire::QueryName::quarantine ? from : 0;
    while (!is_full()) {
      const std::uint64_t before = at;
      if (what == wire::QueryName::quarantine) {
        ASSIGN_OR_RETURN(const auto rows, ledger->quarantine(std::nullopt, at, kPart));
        for (const auto& row : rows) {
          if (is_full()) break;
          ASSIGN_OR_RETURN(const std::string taker, trail.taker_of(row.at));
          offer(quarantine_record_json(row, lineage, taker));
        }
        at += rows.size();
      } else if (what == wire::QueryName::tries) {
        ASSIGN_OR_RETURN(const auto tries, ledger->tries(at, kPart));
        for (const auto& ended : tries) offer(slice_try_json(ended, lineage));
        at += tries.size();
      } else {
        ASSIGN_OR_RETURN(const auto rows, ledger->errors(at, kPart));
        for (const auto& row : rows) offer(slice_record_json(row, lineage));
        at += rows.size();
      }
      if (at == before) break;
    }
    return {};
  }
};

SliceErrors::SliceErrors(Loop& loop, Registry& registry, Executions& executions, const JobDialect& dialect)
    : loop_(loop), registry_(registry), executions_(executions), dialect_(dialect) {}

void SliceErrors::of_execution(const ExecutionId& id, const RecordQuery& query, Reply<std::vector<Json>> reply) {
  of_one(wire::QueryName::errors, id, query, std::move(reply));
}

void SliceErrors::quarantine_of(const ExecutionId& id, const RecordQuery& query, Reply<std::vector<Json>> reply) {
  of_one(wire::QueryName::quarantine, id, query, std::move(reply));
}

void SliceErrors::tries_of(const ExecutionId& id, const RecordQuery& query, Reply<std::vector<Json>> reply) {
  of_one(wire::QueryName::tries, id, query, std::move(reply));
}

void SliceErrors::of_one(wire::QueryName what, const ExecutionId& id, const RecordQuery& query,
                         Reply<std::vector<Json>> reply) {
  if (executions_.find(id) == nullptr) {
    const auto row = registry_.execution_facts(id);
    if (!row) return reply(row.error());
    if (!*row && what == wire::QueryName::errors) return reply(std::vector<Json>());  // clients search, as in a list
    if (!*row) return reply(Error{ErrorCode::not_found, fmt::format("Execution {} was not found", id.text)});
  }
  RecordQuery page = query;
  std::uint64_t from = 0;
  if (what == wire::QueryName::quarantine) from = static_cast<std::uint64_t>(std::exchange(page.from, 0));
  read_next(std::make_shared<Reading>(Reading{dialect_, what, {id}, 0, from, RecordPage(page), std::move(reply)}));
}

void SliceErrors::of_all(const RecordQuery& query, Reply<std::vector<Json>> reply) {
  std::vector<ExecutionId> executions;
  for (const auto* live : executions_.all()) {
    if (live->failed > 0) executions.push_back(live->ex_id);
  }
  std::reverse(executions.begin(), executions.end());
  auto ended = registry_.executions_with_errors(kMostExecutions);
  if (!ended) return reply(ended.error());
  for (auto& id : *ended) {
    if (executions_.find(id) == nullptr) executions.push_back(std::move(id));
  }
  read_next(std::make_shared<Reading>(
      Reading{dialect_, wire::QueryName::errors, std::move(executions), 0, 0, RecordPage(query), std::move(reply)}));
}

void SliceErrors::read_next(const std::shared_ptr<Reading>& reading) {
  if (reading->next == reading->executions.size() || reading->is_full()) {
    reading->reply(reading->page.take());
    return;
  }
  const LiveExecution* live = executions_.find(reading->present());
  if (live != nullptr && live->status != ExecutionStatus::pending && !is_terminal(live->status)) {
    read_part(reading);
  } else {
    read_ledger(reading, kLedgerTries);
  }
}

// From a controller. Slices that fail between two parts shift the rest: a record may then be seen twice, none is
// missed.
void SliceErrors::read_part(const std::shared_ptr<Reading>& reading) {
  auto answered = [this, reading](const Result<wire::Answer>& answer) {
    if (answer) {
      take_part(reading, records_in(answer->body));
    } else if (answer.error().code == ErrorCode::cancelled) {
      read_ledger(reading, kLedgerTries);  // it has ended meanwhile
    } else {
      reading->reply(answer.error());
    }
  };
  executions_.links().query(reading->present(), reading->what, reading->from, kPart, std::move(answered));
}

void SliceErrors::take_part(const std::shared_ptr<Reading>& reading, Result<std::vector<Json>> records) {
  if (!records) return reading->reply(records.error());
  for (auto& record : *records) reading->offer(std::move(record));
  if (!records->empty() && !reading->is_full()) {
    reading->from += records->size();
    return read_part(reading);
  }
  reading->from = 0;
  ++reading->next;
  read_next(reading);
}

// Of the executions that go on from this one, oldest first, as far as they have ended: what a living one takes is shown
// once that is done.
Result<std::vector<std::string>> SliceErrors::ledgers_after(const ExecutionRow& row) const {
  ASSIGN_OR_RETURN(const auto recoveries, registry_.recoveries_of(row.job_id));
  std::vector<std::string> directories;
  ExecutionId at = row.ex_id;
  for (const auto& recovery : recoveries) {
    if (recovery.source_ledger != at || recovery.removed) continue;
    const std::string directory = executions_.options().layout.ledger_directory(recovery.ex_id.text);
    if (!recovery.has_ledger && !ledger_exists(directory)) continue;
    if (executions_.find(recovery.ex_id) != nullptr) break;
    directories.push_back(directory);
    at = recovery.ex_id;
  }
  return directories;
}

void SliceErrors::read_ledger(const std::shared_ptr<Reading>& reading, int tries) {
  const auto row = registry_.execution_facts(reading->present());
  if (!row) return reading->reply(row.error());
  const bool had_ledger = *row && (*row)->has_ledger;
  if (reading->what == wire::QueryName::quarantine && *row) {
    auto later = ledgers_after(**row);
    if (!later) return reading->reply(later.error());
    reading->later = std::move(*later);
  }
  auto result = std::make_shared<Result<void>>();
  auto attempt = std::make_shared<Reading>(*reading);  // a failed one leaves nothing on the page
  loop_.offload(
      Loop::Executor::query,
      [result, attempt, had_ledger,
       directory = executions_.options().layout.ledger_directory(reading->present().text)] {
        *result = attempt->read(directory, had_ledger);
      },
      [this, alive = std::weak_ptr<int>(alive_), result, attempt, reading, tries] {
        if (alive.expired()) return;
        const bool held = !*result && result->error().code == ErrorCode::conflict;
        if (*result) {
          reading->page = std::move(attempt->page);
          reading->quarantined_bytes = attempt->quarantined_bytes;
          reading->from = 0;
          ++reading->next;
          read_next(reading);
        } else if (result->error().code == ErrorCode::gone && reading->executions.size() > 1) {
          log(LogLevel::warn, "a list of errors goes without those of one execution: {}", result->error().message);
          ++reading->next;
          read_next(reading);
        } else if (!held) {
          reading->reply(result->error());
        } else if (tries <= 1) {
          reading->reply(Error{ErrorCode::unavailable, result->error().message});
        } else {
          loop_.after(kLedgerPause, [this, alive, reading, tries] {
            if (!alive.expired()) read_ledger(reading, tries - 1);
          });
        }
      });
}

}  // namespace slicemill::master
