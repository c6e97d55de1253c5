// The words of jobs and executions: an index of SQLite (FTS5) per list, one row each, stemmed as English (porter) and
// without regard to case and accents. It keeps the texts beside their words, since it needs them to forget a row.
//
// Part of the registry: rows are written in the transaction that writes the job or execution, on the store executor.
// What a registry of an earlier version holds is read in steps after it was opened; until then a search is refused.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/model/job_dialect.h"
#include "core/query/search_words.h"
#include "core/runtime/ids.h"
#include "core/runtime/result.h"
#include "master/lists/list_kind.h"
#include "master/registry/sqlite.h"

namespace slicemill::master {

// reason: of an execution, "" for none.
Result<void> put_words(Database& database, ListKind kind, std::int64_t seq, const SearchTexts& texts,
                       std::string_view reason);
// Costs a look where the reason is as it was.
Result<void> put_words_of_reason(Database& database, const ExecutionId& id, std::string_view reason);
Result<void> forget_words(Database& database, ListKind kind, std::int64_t seq);

// Reads the words of so many rows that are still to be read, fewer if they are large. True: there may be more.
// Requires: a write transaction is open.
Result<bool> read_words_on(Database& database, const JobDialect& dialect, std::int64_t most);
// unavailable: some are still to be read.
Result<void> check_words_are_read(Database& database);

// As the index is asked.
std::string match_text(const query::SearchWords& words);
// The name of the index.
const char* words_table(ListKind kind);

}  // namespace slicemill::master
