// A filter's condition as an SQL expression over the columns of a list index (master/list_index.h). It finds exactly
// the rows whose documents the condition holds for; a test compares both. Values are bound, never written into the
// text.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "core/query/filter.h"
#include "core/runtime/result.h"
#include "master/sqlite.h"

namespace slicemill::master {

// What stands for a field in SQL.
std::string column_of(const query::Field& field);       // as value_of() gives it
std::string sort_column_of(const query::Field& field);  // as sort_value_of() gives it

struct FilterSql {
  using Bound = std::variant<std::int64_t, const std::string*, const query::TermPattern*>;

  std::string expression;    // 0 or 1, never NULL; parameters ?N from first_parameter on
  std::vector<Bound> bound;  // points into the condition

  void bind(Statement& statement, int first_parameter) const;
};
FilterSql filter_sql(const query::Condition& condition, int first_parameter);

// The functions that such expressions call, for one connection.
Result<void> add_filter_functions(Database& database);

}  // namespace slicemill::master
