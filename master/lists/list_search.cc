#include "master/lists/list_search.h"

#include <fmt/core.h>
#include <sqlite3.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "core/query/filter.h"
#include "core/query/term_pattern.h"
#include "master/lists/list_index.h"
#include "master/lists/list_words.h"

namespace slicemill::master {

namespace {

using query::Condition;
using query::Field;
using query::FieldRole;
using query::FieldType;
using query::TermPattern;

constexpr const char* kPatternType = "slicemill term pattern";

// term_matches(pattern, term), terms_match(pattern, terms)
template <bool whole>
void test_pattern(sqlite3_context* context, int, sqlite3_value** values) {
  const auto* pattern = static_cast<const TermPattern*>(sqlite3_value_pointer(values[0], kPatternType));
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_value_text(values[1]));
  if (pattern == nullptr || bytes == nullptr) return sqlite3_result_null(context);
  const std::string_view text(bytes, static_cast<std::size_t>(sqlite3_value_bytes(values[1])));
  sqlite3_result_int(context, (whole ? pattern->matches(text) : pattern->matches_any(text)) ? 1 : 0);
}

// A text of SQL with the values of its parameters.
class SearchText {
 public:
  std::string parameter(std::variant<std::int64_t, std::string, const TermPattern*> value) {
    values_.push_back(std::move(value));
    return fmt::format("?{}", values_.size());
  }

  void bind_to(Statement& statement) const {
    for (std::size_t i = 0; i < values_.size(); ++i) {
      const int position = static_cast<int>(i) + 1;
      if (const auto* pattern = std::get_if<const TermPattern*>(&values_[i]))
        statement.bind(position, *pattern, kPatternType);
      else if (const auto* number = std::get_if<std::int64_t>(&values_[i]))
        statement.bind(position, *number);
      else
        statement.bind(position, std::get<std::string>(values_[i]));
    }
  }

  // SQL that is true for the rows that the condition holds for; NULL counts as not.
  std::string of(const Condition& condition) {
    switch (condition.kind) {
      case Condition::Kind::never:
        return "0";
      case Condition::Kind::always:
        return "1";
      case Condition::Kind::group:
        return of_group(condition);
      case Condition::Kind::exists:
        return fmt::format("{} IS NOT NULL", column_of(*condition.field));
      case Condition::Kind::equals:
        return fmt::format("{} = {}", column_of(*condition.field), parameter(condition.text));
      case Condition::Kind::contains:
        return fmt::format("instr({}, {})", column_of(*condition.field), parameter(condition.text));
      case Condition::Kind::between: {
        const std::string low = parameter(condition.low);
        return fmt::format("{} BETWEEN {} AND {}", column_of(*condition.field), low, parameter(condition.high));
      }
      case Condition::Kind::matches: {
        const char* test = condition.field->type == FieldType::keyword ? "term_matches" : "terms_match";
        return fmt::format("{}({}, {})", test, parameter(&*condition.pattern), column_of(*condition.field));
      }
    }
    return "0";
  }

 private:
  std::string of_group(const Condition& group) {
    std::vector<std::string> all;
    for (const Condition& part : group.must) all.push_back(of(part));
    for (const Condition& part : group.must_not) all.push_back(fmt::format("({}) IS NOT TRUE", of(part)));
    if (group.must.empty() && !group.should.empty()) {
      std::vector<std::string> some;
      for (const Condition& part : group.should) some.push_back(of(part));
      all.push_back(joined(some, " OR "));
    }
    return all.empty() ? "1" : joined(all, " AND ");
  }

  // As a balanced tree: SQLite bounds the depth of expressions.
  static std::string joined(std::span<const std::string> parts, std::string_view by) {
    if (parts.size() == 1) return fmt::format("({})", parts[0]);
    const auto half = parts.size() / 2;
    return fmt::format("({}{}{})", joined(parts.first(half), by), by, joined(parts.subspan(half), by));
  }

  std::vector<std::variant<std::int64_t, std::string, const TermPattern*>> values_;
};

const char* table_of(ListKind kind) {
  return kind == ListKind::jobs ? "job_index" : "execution_index";
}

std::string order_of(const ListQuery& list, std::span<const Field> fields) {
  if (std::holds_alternative<CursorWindow>(list.window)) return "seq DESC";
  std::string order;
  for (const query::SortKey& key : list.sort)
    order += fmt::format("{} {} NULLS LAST, ", sort_column_of(*key.field), key.descending ? "DESC" : "ASC");
  if (order.empty()) order = column_of(*query::find_field(fields, FieldRole::updated)) + " DESC, ";
  const bool newest_first = list.sort.empty() || list.sort.front().descending;
  return order + (newest_first ? "seq DESC" : "seq ASC");
}

std::string of_statuses(ListKind kind, const std::vector<ExecutionStatus>& statuses, std::span<const Field> fields) {
  std::string words;
  for (const ExecutionStatus status : statuses)
    words += fmt::format("{}'{}'", words.empty() ? "" : ", ", to_string(status));
  if (kind == ListKind::executions)
    return fmt::format("{} IN ({})", column_of(*query::find_field(fields, FieldRole::status)), words);
  const std::string job_id = column_of(*query::find_field(fields, FieldRole::job_id));
  std::string test = fmt::format(
      "coalesce((SELECT status FROM executions WHERE executions.job_id = job_index.{} ORDER BY executions.seq DESC "
      "LIMIT 1), '{}') IN ({})",
      job_id, to_string(ExecutionStatus::stopped), words);
  // Few live, and an index leads to them: most jobs need no look at their newest execution.
  if (std::ranges::none_of(statuses, [](ExecutionStatus status) { return is_terminal(status); }))
    test = fmt::format("{} IN (SELECT job_id FROM executions WHERE status IN ({})) AND {}", job_id, words, test);
  return test;
}

// What follows SELECT ... : where the rows are looked for, and what must hold.
std::string source_of(ListKind kind, const ListQuery& list, std::span<const Field> fields, SearchText& sql) {
  std::string source = table_of(kind);
  // The words lead: a row of the index has all of them.
  if (list.words)
    source = fmt::format("(SELECT rowid AS found FROM {0} WHERE {0} MATCH {1}) CROSS JOIN {2} ON seq = found",
                         words_table(kind), sql.parameter(match_text(*list.words)), source);
  // Where only the row itself tells whether it is wanted, an index of an order would lead to each row of the table in
  // turn, which takes several times as long as a pass over the table where few are wanted: the plus rules it out.
  const bool looks_at_rows = list.filter || list.active || (list.statuses && kind == ListKind::jobs);
  std::string where = fmt::format("{}deleted = {}", looks_at_rows ? "+" : "", list.deleted ? 1 : 0);
  if (list.active) where += fmt::format(" AND listed_active = {}", *list.active ? 1 : 0);
  if (list.statuses) where += " AND " + of_statuses(kind, *list.statuses, fields);
  if (list.filter) where += fmt::format(" AND ({})", sql.of(list.filter->condition));
  if (const auto* cursor = std::get_if<CursorWindow>(&list.window); cursor != nullptr && cursor->below)
    where += " AND seq < " + sql.parameter(*cursor->below);
  return fmt::format("FROM {} WHERE {}", source, where);
}

}  // namespace

Result<void> add_list_functions(Database& database) {
  constexpr int kFlags = SQLITE_UTF8 | SQLITE_DETERMINISTIC;
  const auto add = [&](const char* name, auto function) -> Result<void> {
    const int code =
        sqlite3_create_function_v2(database.handle(), name, 2, kFlags, nullptr, function, nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) return database.error(code);
    return {};
  };
  RETURN_IF_ERROR(add("term_matches", test_pattern<true>));
  return add("terms_match", test_pattern<false>);
}

Result<FoundRows> find_rows(Database& database, ListKind kind, const ListQuery& list, std::span<const Field> fields) {
  if (list.words) RETURN_IF_ERROR(check_words_are_read(database));
  SearchText sql;
  const std::string source = source_of(kind, list, fields, sql);
  FoundRows found;
  const auto* page = std::get_if<PageWindow>(&list.window);
  if (page != nullptr && page->with_total) {
    ASSIGN_OR_RETURN(Statement count, database.passing_statement("SELECT count(*) " + source));
    sql.bind_to(count);
    RETURN_IF_ERROR(count.step());
    found.window.total = count.integer(0);
  }
  const std::int64_t size = page != nullptr ? page->size : std::get<CursorWindow>(list.window).size;
  const std::string limit = sql.parameter(size);
  ASSIGN_OR_RETURN(Statement query, database.passing_statement(fmt::format(
                                        "SELECT seq {} ORDER BY {} LIMIT {} OFFSET {}", source, order_of(list, fields),
                                        limit, sql.parameter(page != nullptr ? page->from : 0))));
  sql.bind_to(query);
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, query.step());
    if (!more) break;
    found.seqs.push_back(query.integer(0));
  }
  const bool may_go_on = page == nullptr && !found.seqs.empty() && std::ssize(found.seqs) == size;
  if (may_go_on) found.window.next = found.seqs.back();
  return found;
}

bool is_found_at_once(const ListQuery& list) {
  constexpr std::int64_t kNear = 10'000;
  const auto* page = std::get_if<PageWindow>(&list.window);
  if (page == nullptr || page->with_total || page->from + page->size > kNear) return false;
  if (list.filter || list.words || list.statuses || list.active) return false;
  if (list.sort.size() > 1) return false;
  if (list.sort.empty()) return true;
  const FieldRole role = list.sort.front().field->role;
  return role == FieldRole::updated || role == FieldRole::created || role == FieldRole::name;
}

}  // namespace slicemill::master
