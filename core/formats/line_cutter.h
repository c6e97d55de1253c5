// Cuts a byte range of a file into lines. A range owns the records that *start* in it: it reads on behind its end to
// finish the last one, and leaves the record that it begins inside of to the range before. So any set of adjoining
// ranges gives each record once.
//
// It never reads: the caller shows it bytes in order, and again what it left over. Not thread-safe; one per slice.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace slicemill {

struct LineRange {
  std::uint64_t begin = 0;
  std::uint64_t end = std::numeric_limits<std::uint64_t>::max();
};

struct LineOptions {
  std::string delimiter =
      "\n";                // "\n" takes a '\r' before it too; ranges that begin behind 0 require can_cut_at(delimiter)
  bool skip_blank = true;  // lines of nothing but spaces and tabs
};

class LineCutter {
 public:
  LineCutter(LineOptions options, LineRange range);

  // Where in the file the bytes for the next cut() begin. At first: a delimiter's length before the range, to see
  // whether it begins at a record.
  std::uint64_t position() const { return position_; }

  // The range's last record is complete: no more bytes are needed.
  bool done() const { return done_; }

  // data: bytes from position() on; `last`: the file ends behind them. Appends views into data, returns how many bytes
  // are used up. 0 while not done: no line ends in data, show it again with more.
  std::size_t cut(std::string_view data, bool last, std::vector<std::string_view>& records);

 private:
  std::size_t skip_foreign_record(std::string_view data, bool last);
  std::size_t find_delimiter(std::string_view data, std::size_t from) const;

  LineOptions options_;
  LineRange range_;
  std::uint64_t position_;
  bool skipping_;
  bool done_;
};

}  // namespace slicemill
