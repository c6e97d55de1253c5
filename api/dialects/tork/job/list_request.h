// Lists of jobs, schedules and logs: the page that is asked for, words and tags that are searched for, and the envelope
// of an answer. Pure, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/query/search_words.h"
#include "core/runtime/json.h"
#include "core/runtime/result.h"

namespace slicemill::api::tork {

// How many items a page may have.
struct PageSizes {
  std::int64_t usual = 10;
  std::int64_t most = 20;
};
inline constexpr PageSizes kJobPages{10, 20};  // of schedules too
inline constexpr PageSizes kLogPages{25, 100};

struct Page {
  std::int64_t number = 1;
  std::int64_t size = 0;

  // Items before the page; beyond 64 bits the largest number.
  std::int64_t offset() const;
};

// page, size: as they stand in the query; nothing, or "": not given. Numbers beyond the bounds are moved to them.
// not_found: "invalid page number: x", "invalid size: x", which clients know with that status.
Result<Page> page_of(std::optional<std::string_view> page, std::optional<std::string_view> size,
                     const PageSizes& sizes);

// {"items", "number", "size", "totalPages", "totalItems"}; `size` is how many items there are in this page.
Json page_document(Json items, const Page& page, std::int64_t total);

struct ListQuery {
  query::SearchWords words;       // all must be found; none: everything is
  std::vector<std::string> tags;  // one of them must be there; none: any job is meant
};

// q := word (blank word)*; "tag:a" and "tags:a,b" are tags, all else are words. Words that say nothing in English
// ("the") are left out. invalid: more than kMostSearchBytes or kMostSearchTerms.
Result<ListQuery> list_query(std::string_view q);

}  // namespace slicemill::api::tork
