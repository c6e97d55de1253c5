// What a list of jobs or executions shall show: a filter, words, an order and a window. Whatever dialect asks, and
// whether it gets documents (commands.h) or typed views (job_views.h).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/model/documents.h"
#include "core/model/execution.h"
#include "core/query/filter.h"
#include "core/query/search_words.h"
#include "core/query/sort_order.h"

namespace slicemill {

// Fields of a job's latest execution that are shown in the job's document, as `ex`. No names: all of them.
struct ExecutionFields {
  std::vector<std::string> names;
};

// So many behind the first ones, as they stand when the list is read.
struct PageWindow {
  std::int64_t from = 0;
  std::int64_t size = 100;
  bool with_total = false;  // how many there are without the window is told too
};

// Newest first, by number: pages that are read one behind the other show nothing twice and leave nothing out, whatever
// comes or goes meanwhile. Such a list has no order of its own.
struct CursorWindow {
  std::optional<std::int64_t> below;  // `next` of the page before; nothing: the first page
  std::int64_t size = 50;
};

using ListWindow = std::variant<PageWindow, CursorWindow>;

// All that is given must hold.
struct ListQuery {
  ListWindow window;
  std::vector<query::SortKey> sort;  // empty: latest change first; always of a cursor
  std::optional<query::Filter> filter;
  std::optional<query::SearchWords> words;
  // Of executions, or of the newest execution of jobs, where a job without one counts as `stopped`. Nothing: all.
  std::optional<std::vector<ExecutionStatus>> statuses;
  std::optional<bool> active;                       // jobs only; a job that does not say is active
  std::optional<ExecutionFields> execution_fields;  // jobs as documents only
  bool deleted = false;
};

// What is told of the window beside its rows.
struct WindowFacts {
  std::optional<std::int64_t> total;  // of a page that asks for it
  std::optional<std::int64_t> next;   // of a cursor: what the next page is below; nothing: that was the last page
};

struct ListedDocuments {
  std::shared_ptr<DocumentList> documents;
  WindowFacts window;
};

// Records of slices, which are read one after the other.
struct RecordQuery {
  std::int64_t from = 0;
  std::int64_t size = 100;
  std::vector<query::SortKey> sort;  // empty: latest change first
  std::optional<query::Filter> filter;
};

}  // namespace slicemill
