// Text tables of the Teraslice dialect (/txt/...). Pure functions, any thread.
//
// table := [header dashes] row*      line := cell ("  " cell)* "\n"
// Cells are left aligned and padded to the widest of their column, the last one too. Without records there is one row
// of blanks. Widths are those of a terminal (display_text.h). Cells are printable, and cut with an ellipsis where they
// are wider than kCellColumns: one long name widens every row of its column.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/http/message.h"
#include "core/runtime/json.h"

namespace slicemill::api::teraslice {

constexpr std::size_t kCellColumns = 200;

// The text of one cell.
using CellText = std::function<std::string(const Json& record, std::string_view column)>;

// The value at a path ("name", "_slicer_stats.failed", "operations[0]._op", "operations.length") as JavaScript turns it
// to text; N/A if there is none.
std::string cell_text(const Json& record, std::string_view path);

inline constexpr std::string_view kTableType = "text/html; charset=utf-8";

// A table that is filled row by row.
class TextTable {
 public:
  TextTable(const std::vector<std::string>& columns, bool with_header, CellText cell = cell_text);

  // invalid: the table becomes larger than 32 MB.
  Result<void> add(const Json& record);
  std::string print();
  const std::vector<std::string>& columns() const { return columns_; }

 private:
  using Line = std::vector<std::string>;
  void widen(const Line& line);

  const std::vector<std::string> columns_;  // as asked for
  const bool with_header_;
  const CellText cell_;
  Line header_;
  std::vector<Line> rows_;
  std::vector<std::size_t> widths_;
  std::size_t beyond_width_ = 0;  // bytes of all cells that take no column of their own
};

Result<std::string> text_table(std::span<const Json> records, const std::vector<std::string>& columns, bool with_header,
                               const CellText& cell = cell_text);

// `fields` of the query, comma separated, or the defaults. A column named twice is shown once. Columns beyond what
// table_response() accepts are left out, but for one.
std::vector<std::string> table_columns(const Request& request, std::span<const std::string_view> defaults);

// invalid: more columns than a table may have.
Result<void> check_columns(const std::vector<std::string>& columns);

// The answer of a /txt route: columns and header as the request wants them; 400 for more than 100 columns.
Response table_response(const Request& request, std::span<const Json> records,
                        std::span<const std::string_view> defaults, const CellText& cell = cell_text);

}  // namespace slicemill::api::teraslice
