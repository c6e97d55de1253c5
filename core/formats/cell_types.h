// Types of the columns of a table: what a cell's text must be, and which JSON value it becomes. Nothing is allocated
// for a cell. Pure but for CellRules, which is made once per reader; any thread.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/formats/cell_date.h"
#include "core/runtime/json.h"
#include "core/runtime/result.h"

namespace slicemill {

enum class CellType {
  text,
  integer,  // an optional sign and digits
  decimal,  // digits with a fraction, or an exponent; kept to the digit
  boolean,  // true false yes no 1 0, in any case
  date,     // ISO 8601, kept as it is written; with a pattern: what the pattern says, written as ISO 8601
};

// "text", ...; also read: "string", "number".
std::string_view to_string(CellType type);
std::optional<CellType> cell_type_from(std::string_view word);

// How numbers are written in the cells.
struct NumberStyle {
  char decimal = '.';
  std::string thousands{};  // a character between groups of three digits; "": none, a number has no groups
};

// What becomes of an empty cell.
enum class EmptyCell { omit, null, text };

// By the name of the column.
using InferredTypes = std::map<std::string, CellType, std::less<>>;

struct ColumnRule {
  CellType type = CellType::text;
  bool is_inferred = false;  // only what inference would take for the type fits
  std::optional<DatePattern> pattern{};
};

// The types that a job gives to columns by their names.
struct CellRules {
  // Nothing: the type is inferred.
  using Chosen = std::optional<ColumnRule>;
  std::vector<std::pair<std::string, Chosen>> columns{};
  Chosen others = ColumnRule{};  // of all columns that are not named
  NumberStyle numbers{};
  std::optional<DatePattern> pattern{};  // of dates whose column does not name one

  bool infers() const;
  // The type that the job says, or that was inferred; one that was to be and is not there is text.
  ColumnRule rule(std::string_view column, const InferredTypes& inferred) const;
  // Says that a column's type is to be found in its cells.
  bool is_inferred(std::string_view column) const;
};

// From the options `types`, `decimal_separator`, `thousands_separator` and `date_format`; nothing without `types`.
// invalid: the message begins with the option's name.
Result<std::optional<CellRules>> cell_rules(const Json& options);

// A cell writes at most this many bytes more than its text has.
inline constexpr std::size_t kCellGrowth = kLongestIsoText + 2;

// Writes what the cell stands for as a JSON value and gives its end; null if the text does not fit. Blanks around
// numbers, booleans and dates do not count; without them the text is not empty. Not for CellType::text.
char* write_cell(const ColumnRule& rule, const NumberStyle& numbers, std::string_view text, char* out);

// Without the blanks and tabs around it.
std::string_view trimmed_cell(std::string_view text);

// "is no decimal", with a hint where one is near.
std::string cell_problem(const ColumnRule& rule, const NumberStyle& numbers, std::string_view text);

// What all cells of a column can be, looked at one by one.
class ColumnSample {
 public:
  // The rules outlive it.
  explicit ColumnSample(const CellRules& rules) : rules_(&rules) {}
  void take(std::string_view text);
  CellType type() const;

 private:
  bool fits(CellType type, std::string_view text) const;

  const CellRules* rules_;
  bool has_any_ = false;
  bool may_be_integer_ = true, may_be_decimal_ = true, may_be_boolean_ = true, may_be_date_ = true;
};

}  // namespace slicemill
