// From rows of COPY ... (FORMAT binary) to JSON records, without a value in between. One thread.
//
//   boolean, integers, numeric    JSON numbers and booleans: numeric with the digits that the database has
//   real, double precision        the shortest number that is read back as the same
//   NaN, Infinity of these        the texts "NaN", "Infinity", "-Infinity": JSON has no such numbers
//   timestamptz                   "2026-11-30T20:15:00.5Z", UTC      timestamp  the same without Z: it has no zone
//   date, time, timetz            "2026-11-30", "20:15:00.5", "20:15:00+02"
//   infinity of dates             the texts "infinity", "-infinity"; years before 1 and after 9999 have a sign (ISO
//   8601) json, jsonb                   as they are; line ends between tokens of json become blanks bytea text in
//   base64      arrays  JSON arrays, nested as they are; bounds are not kept composite types               JSON objects
//   NULL    null every other type              the text that the database has for it
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "connectors/postgres/copied_columns.h"
#include "core/formats/record_text.h"
#include "core/runtime/result.h"

namespace slicemill::postgres {

class CopyDecoder {
 public:
  explicit CopyDecoder(const std::vector<CopiedColumn>& columns);

  // Before the first message of a COPY.
  void begin() { expects_header_ = true; }
  // Appends a message's row as one record. False: it has none (the header alone, or the trailer). corrupt: the message
  // is not what the server should send; `text` may hold half of a record then, which is to be thrown away.
  Result<bool> append(std::string_view message, RecordText& text);

 private:
  struct Column {
    std::string prefix;  // ,"name":
    Decoding decoding;
    Decoding element;
  };

  std::vector<Column> columns_;
  std::vector<char> padded_;  // the message, with readable bytes behind it
  bool expects_header_ = true;
};

}  // namespace slicemill::postgres
