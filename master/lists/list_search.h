// Finds the rows of a list: what a filter's condition and words mean in SQL, over the narrow table of the list
// (master/lists/list_index.h) and the index of its words (master/lists/list_words.h), and their order. It finds exactly
// the rows whose documents the condition holds for (core/query/filter.h); a test compares both.
//
// Any thread, through its own connection.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/model/list_query.h"
#include "core/query/field.h"
#include "core/runtime/result.h"
#include "master/lists/list_kind.h"
#include "master/registry/sqlite.h"

namespace slicemill::master {

struct FoundRows {
  std::vector<std::int64_t> seqs;  // in the order of the list
  WindowFacts window;
};

// The functions that patterns of filters are tested by. Once for each connection that finds lists.
Result<void> add_list_functions(Database& database);

// fields: of this list. unavailable: its words are still being read.
// Requires: a read transaction is open, so that page and total are of one moment.
Result<FoundRows> find_rows(Database& database, ListKind kind, const ListQuery& query,
                            std::span<const query::Field> fields);

// Whether an index leads to the rows of the list in their order, so that finding them takes few milliseconds at most,
// however many there are.
bool is_found_at_once(const ListQuery& query);

}  // namespace slicemill::master
