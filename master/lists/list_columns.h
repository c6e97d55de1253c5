// The narrow tables of a list index (master/lists/list_index.h) as columns in memory: a list of 100,000 rows looks at
// two or three values of each, which is a matter of nanoseconds here and of microseconds row by row in SQLite.
//
// Owner: the registry; loop thread. Nothing here is mirrored on its own: every use first takes over what the reading
// transaction shows beyond the last one, told by the stamps of rows, so a list never shows what a crash could take
// back. The registry catches up after writes, in small steps, so that no list pays for many of them. A column that was
// not read before is read when a list first asks for it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/runtime/result.h"
#include "master/registry/sqlite.h"

namespace slicemill::master {

// Texts of rows, each in one piece, or none.
class TextColumn {
 public:
  bool has(std::size_t row) const { return places_[row].length != kNone; }
  std::string_view at(std::size_t row) const { return {bytes_.data() + places_[row].begin, places_[row].length}; }
  // The texts of several rows in one piece, if they lie so. Requires: begin < end.
  std::optional<std::string_view> joined(std::size_t begin, std::size_t end) const;

  void insert(std::size_t row);  // without a text
  void clear(std::size_t row);
  void keep(const std::vector<std::size_t>& rows);   // these alone, rising
  void set(std::size_t row, std::string_view text);  // longer ones than 16 MB are cut off

 private:
  static constexpr std::uint64_t kNone = (1ull << 24) - 1;
  struct Place {
    std::uint64_t begin : 40 = 0;
    std::uint64_t length : 24 = kNone;
  };

  void compact();

  std::string bytes_;
  std::size_t live_ = 0;  // bytes that a row still has
  std::vector<Place> places_;
};

struct ListColumn {
  static constexpr std::int64_t kNone = INT64_MIN;

  bool has(std::size_t row) const { return is_text ? texts.has(row) : numbers[row] != kNone; }

  bool is_text = false;
  std::vector<std::int64_t> numbers;  // kNone: no value
  TextColumn texts;
};

class ListColumns {
 public:
  explicit ListColumns(std::string table) : table_(std::move(table)) {}

  // Takes over what changed. Requires: a read transaction is open, and stays so while the columns are used.
  Result<void> refresh(Database& database);
  // Takes over so many changed rows (and those that changed together with the last), oldest change first, so that the
  // next refresh has less to do. False: none is left. Requires: a read transaction is open.
  Result<bool> catch_up(Database& database, std::int64_t limit);
  // Requires: refreshed in this transaction. expression: a column's name, quoted, or an SQL expression of columns.
  // The pointer holds until the next refresh.
  Result<const ListColumn*> column(Database& database, const std::string& expression, bool is_text);

  // The rows with these sequence numbers are not in the table any more.
  void erase(const std::vector<std::int64_t>& seqs);

  // Sequence numbers of the rows, rising.
  const std::vector<std::int64_t>& seqs() const { return seqs_; }

 private:
  // How many rows were taken over. limit < 0: all that changed.
  Result<std::int64_t> take_over_changes(Database& database, std::int64_t limit);
  Result<std::int64_t> take_over_rows(Database& database, std::int64_t limit);
  std::size_t row_of(std::int64_t seq);  // which is made if it is new

  std::string table_;
  std::vector<std::int64_t> seqs_;
  std::int64_t stamp_ = 0;                     // the highest that was taken over
  std::map<std::string, ListColumn> columns_;  // by expression; each has a value for each row
};

}  // namespace slicemill::master
