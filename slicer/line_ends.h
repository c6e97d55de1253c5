// Where the complete records of a growing file of lines end. Blocking; one thread.
#pragma once

#include <cstdint>
#include <string>

#include "core/runtime/files.h"
#include "core/runtime/result.h"

namespace slicemill {

class LineEnds {
 public:
  // delimiter: behind each record; is_json: a record that is a whole object or array needs none. The file outlives it.
  LineEnds(ReadableFile& file, const std::string& delimiter, bool is_json)
      : file_(file), delimiter_(delimiter), is_json_(is_json) {}

  // Behind the last complete record of the bytes [begin, total); begin if there is none.
  Result<std::uint64_t> last_end(std::uint64_t begin, std::uint64_t total) const;
  // Where a file is to be read on that was read up to `end`: there, unless that record had no delimiter and has grown
  // since. Then it is read again from its beginning, so that its reader says what is wrong with it.
  Result<std::uint64_t> begin_of_growth(std::uint64_t end, std::uint64_t total) const;

 private:
  // Behind the last delimiter that lies in [begin, end); begin if there is none.
  Result<std::uint64_t> last_delimiter(std::uint64_t begin, std::uint64_t end) const;
  // Bytes of the file with kScanPadding readable ones behind them; fewer than asked for if it ends before.
  Result<std::string> bytes(std::uint64_t begin, std::uint64_t end) const;

  ReadableFile& file_;
  const std::string& delimiter_;
  bool is_json_;
};

}  // namespace slicemill
