#include "master/lists/list_page.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "core/query/field.h"
#include "core/query/filter.h"
#include "master/lists/list_index.h"

namespace slicemill::master {

namespace {

using query::Condition;
using query::Field;
using query::FieldType;

using Rows = std::vector<std::uint8_t>;  // 1: this row is among them

bool is_text(const Field& field) {
  return field.type == FieldType::keyword || field.type == FieldType::keywords || field.type == FieldType::text;
}

// Keeps of the rows those that the test holds for.
template <typename Test>
void keep(Rows& rows, const Test& test) {
  for (std::size_t row = 0; row < rows.size(); ++row)
    if (rows[row] != 0 && !test(row)) rows[row] = 0;
}

// The same for a pattern over terms. Terms of several rows, one behind the other, are terms again (with empty ones
// between), so where a pattern searches anyway, most rows are dismissed sixteen at a time.
void keep_searched(Rows& rows, const TextColumn& texts, const query::TermPattern& pattern) {
  constexpr std::size_t kBlock = 16;
  for (std::size_t begin = 0; begin < rows.size(); begin += kBlock) {
    const std::size_t end = std::min(begin + kBlock, rows.size());
    if (pattern.is_search()) {
      const auto block = texts.joined(begin, end);
      if (block && !pattern.matches_any(*block)) {
        std::fill(rows.begin() + static_cast<std::ptrdiff_t>(begin), rows.begin() + static_cast<std::ptrdiff_t>(end),
                  0);
        continue;
      }
    }
    for (std::size_t row = begin; row < end; ++row)
      if (rows[row] != 0 && !(texts.has(row) && pattern.matches_any(texts.at(row)))) rows[row] = 0;
  }
}

// Rows that are in the first and not in the second.
Rows without(Rows rows, const Rows& others) {
  for (std::size_t row = 0; row < rows.size(); ++row) rows[row] &= static_cast<std::uint8_t>(~others[row]);
  return rows;
}

class Search {
 public:
  Search(ListColumns& columns, Database& database) : columns_(columns), database_(database) {}

  Result<void> keep_numbers(Rows& rows, const std::string& column, std::int64_t low, std::int64_t high) {
    ASSIGN_OR_RETURN(const ListColumn* values, columns_.column(database_, column, false));
    keep(rows, [&numbers = values->numbers, low, high](std::size_t row) {
      const std::int64_t number = numbers[row];
      return number != ListColumn::kNone && number >= low && number <= high;
    });
    return {};
  }

  Result<void> keep_statuses(Rows& rows, const Field& field, const std::vector<std::string>& statuses) {
    ASSIGN_OR_RETURN(const ListColumn* values, columns_.column(database_, column_of(field), true));
    keep(rows, [&](std::size_t row) {
      return values->has(row) && std::ranges::find(statuses, values->texts.at(row)) != statuses.end();
    });
    return {};
  }

  Result<void> keep_matching(Rows& rows, const Condition& condition) {
    switch (condition.kind) {
      case Condition::Kind::never:
        std::ranges::fill(rows, 0);
        return {};
      case Condition::Kind::always:
        return {};
      case Condition::Kind::group:
        return keep_group(rows, condition);
      case Condition::Kind::between:
        return keep_numbers(rows, column_of(*condition.field), condition.low, condition.high);
      default:
        return keep_tested(rows, condition);
    }
  }

  Result<const ListColumn*> sort_column(const Field& field) {
    return columns_.column(database_, sort_column_of(field), is_text(field));
  }

 private:
  Result<void> keep_group(Rows& rows, const Condition& group) {
    for (const Condition& part : group.must) RETURN_IF_ERROR(keep_matching(rows, part));
    for (const Condition& part : group.must_not) {
      Rows forbidden = rows;
      RETURN_IF_ERROR(keep_matching(forbidden, part));
      rows = without(std::move(rows), forbidden);
    }
    if (!group.must.empty() || group.should.empty()) return {};
    Rows open = rows;  // for which no part has held so far
    for (const Condition& part : group.should) {
      Rows found = open;
      RETURN_IF_ERROR(keep_matching(found, part));
      open = without(std::move(open), found);
    }
    rows = without(std::move(rows), open);
    return {};
  }

  Result<void> keep_tested(Rows& rows, const Condition& condition) {
    ASSIGN_OR_RETURN(const ListColumn* values,
                     columns_.column(database_, column_of(*condition.field), is_text(*condition.field)));
    if (condition.kind == Condition::Kind::exists) {
      keep(rows, [values](std::size_t row) { return values->has(row); });
      return {};
    }
    const TextColumn& texts = values->texts;
    const std::string_view wanted = condition.text;
    if (condition.kind == Condition::Kind::equals) {
      keep(rows, [&](std::size_t row) { return texts.has(row) && texts.at(row) == wanted; });
    } else if (condition.kind == Condition::Kind::contains) {
      keep(rows, [&](std::size_t row) { return texts.has(row) && texts.at(row).find(wanted) != wanted.npos; });
    } else if (condition.field->type == FieldType::keyword) {
      keep(rows, [&](std::size_t row) { return texts.has(row) && condition.pattern->matches(texts.at(row)); });
    } else {
      keep_searched(rows, texts, *condition.pattern);
    }
    return {};
  }

  ListColumns& columns_;
  Database& database_;
};

struct Key {
  const ListColumn* column;
  bool descending;
};

// What has no value comes last, in either direction; then as the key says.
int order_of(const Key& key, std::size_t a, std::size_t b) {
  const bool a_has = key.column->has(a);
  const bool b_has = key.column->has(b);
  if (!a_has || !b_has) return static_cast<int>(b_has) - static_cast<int>(a_has);
  int order = 0;
  if (key.column->is_text) {
    order = key.column->texts.at(a).compare(key.column->texts.at(b));
  } else {
    const std::int64_t first = key.column->numbers[a];
    const std::int64_t second = key.column->numbers[b];
    order = first < second ? -1 : static_cast<int>(first > second);
  }
  return key.descending ? -order : order;
}

// The rows of the page, in their order. Rows that no key tells apart stand as they were written, or the other way
// round if the first key descends.
std::vector<std::uint32_t> page_of(const Rows& rows, const std::vector<Key>& keys, std::size_t from, std::size_t size) {
  const bool newest_first = keys.front().descending;
  std::vector<std::uint32_t> found;
  for (std::size_t row = 0; row < rows.size(); ++row)
    if (rows[row] != 0) found.push_back(static_cast<std::uint32_t>(row));
  // The order of ties: so most rows lose against the page at the first look.
  if (newest_first) std::ranges::reverse(found);
  if (from >= found.size()) return {};
  const auto before = [&](std::uint32_t a, std::uint32_t b) {
    for (const Key& key : keys)
      if (const int order = order_of(key, a, b); order != 0) return order < 0;
    return newest_first ? a > b : a < b;
  };
  const auto begin = found.begin() + static_cast<std::ptrdiff_t>(from);
  const auto end = begin + static_cast<std::ptrdiff_t>(std::min(size, found.size() - from));
  if (from > 0) std::ranges::nth_element(found, begin, before);
  std::ranges::partial_sort(begin, end, found.end(), before);
  return {begin, end};
}

}  // namespace

Result<void> read_columns(ListColumns& columns, Database& database, std::span<const Field> fields) {
  RETURN_IF_ERROR(columns.refresh(database));
  RETURN_IF_ERROR(columns.column(database, "deleted", false));
  for (const Field& field : fields) {
    RETURN_IF_ERROR(columns.column(database, column_of(field), is_text(field)));
    RETURN_IF_ERROR(columns.column(database, sort_column_of(field), is_text(field)));
  }
  return {};
}

Result<std::vector<std::int64_t>> find_page(ListColumns& columns, Database& database, const ListQuery& list,
                                            std::span<const Field> fields) {
  RETURN_IF_ERROR(columns.refresh(database));
  Search search(columns, database);
  Rows rows(columns.seqs().size(), 1);
  RETURN_IF_ERROR(search.keep_numbers(rows, "deleted", list.deleted ? 1 : 0, list.deleted ? 1 : 0));
  if (list.active)
    RETURN_IF_ERROR(search.keep_numbers(rows, "listed_active", *list.active ? 1 : 0, *list.active ? 1 : 0));
  if (!list.statuses.empty())
    RETURN_IF_ERROR(search.keep_statuses(rows, *query::find_field(fields, query::FieldRole::status), list.statuses));
  if (list.filter) RETURN_IF_ERROR(search.keep_matching(rows, list.filter->condition));

  std::vector<Key> keys;
  for (const query::SortKey& key : list.sort) {
    ASSIGN_OR_RETURN(const ListColumn* column, search.sort_column(*key.field));
    keys.push_back({column, key.descending});
  }
  if (keys.empty()) {
    const Field& field = *query::find_field(fields, query::FieldRole::updated);
    ASSIGN_OR_RETURN(const ListColumn* updated, columns.column(database, column_of(field), false));
    keys.push_back({updated, true});
  }
  std::vector<std::int64_t> page;
  for (const std::uint32_t row :
       page_of(rows, keys, static_cast<std::size_t>(list.from), static_cast<std::size_t>(list.size)))
    page.push_back(columns.seqs()[row]);
  return page;
}

}  // namespace slicemill::master
