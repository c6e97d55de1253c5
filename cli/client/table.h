// Tables of text for a terminal or a pipe. Pure functions, any thread.
//
// A header in capitals, two blanks between columns, numbers to the right, no blanks at the ends of lines. Control
// characters are written out (core/runtime/printable.h).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace slicemill::cli {

enum class ColumnKind {
  text,
  number,
  id,      // 8 characters of it on a terminal that is too narrow
  status,  // coloured
  free,    // cut on a terminal that is too narrow, the last one first
};

struct Column {
  std::string title;
  ColumnKind kind = ColumnKind::text;
};

struct Table {
  std::vector<Column> columns;
  std::vector<std::vector<std::string>> rows;  // a cell for each column
};

// What the text is for.
struct Screen {
  std::size_t width = 0;  // columns; 0: no terminal, nothing is cut
  bool drops = true;      // columns that there is no room for, from the right: numbers and short texts
  bool colour = false;
};

// Of standard output: a width and colours only on a terminal, and no colours with NO_COLOR or TERM=dumb.
Screen screen_of_output();

std::string render(const Table& table, const Screen& screen);

// The word of an execution's status, in its colour.
std::string coloured_status(std::string_view status, const Screen& screen);

}  // namespace slicemill::cli
