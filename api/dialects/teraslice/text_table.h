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

std::string text_table(std::span<const Json> records, std::span<const std::string> columns, bool with_header,
                       const CellText& cell = cell_text);

// `fields` of the query, comma separated, or the defaults. A column named twice is shown once. Columns beyond what
// table_response() accepts are left out, but for one.
std::vector<std::string> table_columns(const Request& request, std::span<const std::string_view> defaults);

// The answer of a /txt route: columns and header as the request wants them; 400 for more than 100 columns.
Response table_response(const Request& request, std::span<const Json> records,
                        std::span<const std::string_view> defaults, const CellText& cell = cell_text);

}  // namespace slicemill::api::teraslice
