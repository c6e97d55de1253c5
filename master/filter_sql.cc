#include "master/filter_sql.h"

#include <fmt/core.h>
#include <sqlite3.h>

#include <array>
#include <utility>

namespace slicemill::master {

namespace {

using query::Condition;
using query::Field;
using query::FieldType;

constexpr const char* kPatternType = "slicemill term pattern";

std::string column_name(std::string_view name) {
  return fmt::format("\"{}\"", name);
}

// Values that are the same for every row of an index, or that are kept in another form.
struct Computed {
  std::string_view field;
  std::string_view expression;
};
constexpr std::array kComputed = {Computed{"_context", "context"}, Computed{"_deleted", "nullif(deleted, 0)"}};

class Translator {
 public:
  explicit Translator(int first_parameter) : next_parameter_(first_parameter) {}

  std::string translate(const Condition& condition) {
    switch (condition.kind) {
      case Condition::Kind::never:
        return "0";
      case Condition::Kind::always:
        return "1";
      case Condition::Kind::group:
        return group(condition);
      case Condition::Kind::exists:
        return fmt::format("{} IS NOT NULL", column_of(*condition.field));
      case Condition::Kind::equals:
        return fmt::format("{} IS {}", column_of(*condition.field), parameter(&condition.text));
      case Condition::Kind::contains:
        return fmt::format("ifnull(instr({}, {}) > 0, 0)", column_of(*condition.field), parameter(&condition.text));
      case Condition::Kind::between:
        return between(condition);
      case Condition::Kind::matches:
        return fmt::format("{}({}, {})", condition.field->type == FieldType::keyword ? "term_matches" : "any_matches",
                           parameter(&*condition.pattern), column_of(*condition.field));
    }
    return "0";
  }

  std::vector<FilterSql::Bound> take_bound() { return std::move(bound_); }

 private:
  std::string parameter(FilterSql::Bound value) {
    bound_.push_back(value);
    return fmt::format("?{}", next_parameter_++);
  }

  std::string between(const Condition& condition) {
    const std::string column = column_of(*condition.field);
    std::string out = fmt::format("({} IS NOT NULL", column);
    if (condition.low != INT64_MIN) out += fmt::format(" AND {} >= {}", column, parameter(condition.low));
    if (condition.high != INT64_MAX) out += fmt::format(" AND {} <= {}", column, parameter(condition.high));
    return out + ")";
  }

  // In halves: SQLite limits the depth of expressions, and a flat list is as deep as it is long.
  std::string joined(const std::vector<Condition>& parts, std::size_t begin, std::size_t end, std::string_view word) {
    if (end - begin == 1) return translate(parts[begin]);
    const std::size_t middle = begin + (end - begin) / 2;
    std::string left = joined(parts, begin, middle, word);
    return fmt::format("({} {} {})", left, word, joined(parts, middle, end, word));
  }

  std::string group(const Condition& condition) {
    std::string out;
    auto add = [&out](std::string part) { out += out.empty() ? std::move(part) : " AND " + part; };
    if (!condition.must.empty()) add(joined(condition.must, 0, condition.must.size(), "AND"));
    if (!condition.must_not.empty())
      add(fmt::format("NOT ({})", joined(condition.must_not, 0, condition.must_not.size(), "OR")));
    if (condition.must.empty() && !condition.should.empty())
      add(joined(condition.should, 0, condition.should.size(), "OR"));
    return out.empty() ? "1" : fmt::format("({})", out);
  }

  int next_parameter_;
  std::vector<FilterSql::Bound> bound_;
};

template <bool any>
void test_pattern(sqlite3_context* context, int, sqlite3_value** arguments) {
  const auto* pattern = static_cast<const query::TermPattern*>(sqlite3_value_pointer(arguments[0], kPatternType));
  const auto* text = reinterpret_cast<const char*>(sqlite3_value_text(arguments[1]));
  if (pattern == nullptr || text == nullptr) return sqlite3_result_int(context, 0);
  const std::string_view value(text, static_cast<std::size_t>(sqlite3_value_bytes(arguments[1])));
  sqlite3_result_int(context, any ? pattern->matches_any(value) : pattern->matches(value));
}

}  // namespace

std::string column_of(const Field& field) {
  for (const Computed& computed : kComputed)
    if (computed.field == field.name) return std::string(computed.expression);
  return column_name(field.type == FieldType::text ? fmt::format("{} words", field.name) : std::string(field.name));
}

std::string sort_column_of(const Field& field) {
  return field.type == FieldType::text ? column_name(field.name) : column_of(field);
}

FilterSql filter_sql(const Condition& condition, int first_parameter) {
  Translator translator(first_parameter);
  FilterSql sql;
  sql.expression = translator.translate(condition);
  sql.bound = translator.take_bound();
  return sql;
}

void FilterSql::bind(Statement& statement, int first_parameter) const {
  int position = first_parameter;
  for (const Bound& value : bound) {
    if (const auto* number = std::get_if<std::int64_t>(&value)) {
      statement.bind(position, *number);
    } else if (const auto* text = std::get_if<const std::string*>(&value)) {
      statement.bind(position, **text);
    } else {
      statement.bind_pointer(position, std::get<const query::TermPattern*>(value), kPatternType);
    }
    ++position;
  }
}

Result<void> add_filter_functions(Database& database) {
  constexpr int kFlags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY;
  for (const auto& [name, function] :
       {std::pair{"term_matches", &test_pattern<false>}, std::pair{"any_matches", &test_pattern<true>}}) {
    const int code =
        sqlite3_create_function_v2(database.handle(), name, 2, kFlags, nullptr, function, nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) return database.error(code);
  }
  return {};
}

}  // namespace slicemill::master
