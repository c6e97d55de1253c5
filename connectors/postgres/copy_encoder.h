// From JSON values to the fields of rows of COPY in its text form: the twin of copy_decoder. Pure; one thread.
//
//   null                          NULL
//   true, false, numbers          as they are; the server reads them as the column's type, numeric with every digit
//   text                          its characters: the server reads dates, numbers, uuids, ranges, enums, ... from them
//   text into bytea               base64, or \x and hexadecimal digits
//   text into date, timestamp(tz) the same, with years before 1 and after 9999 as ISO 8601 writes them
//   anything into json, jsonb     as JSON
//   arrays into arrays            element by element, nested as they are
//   objects, arrays into text     as JSON; into any other type an error
#pragma once

#include <string>
#include <string_view>

#include "connectors/postgres/target_table.h"
#include "core/formats/json_tokens.h"
#include "core/runtime/result.h"

namespace slicemill::postgres {

class CopyEncoder {
 public:
  // Appends the field. invalid: names the column, and why the value does not fit; half of it may be appended then.
  Result<void> append(std::string& row, const TargetColumn& column, const JsonValue& value);
  static void append_null(std::string& row) { row += "\\N"; }

 private:
  // What stands for the value, unescaped, in text_. A message: it does not fit.
  std::string_view write(Encoding encoding, const JsonValue& value);
  std::string_view write_text(Encoding encoding, std::string_view inside);
  // {a,"b c",NULL}, appended to array_
  std::string_view write_array(Encoding element, const JsonValue& array);

  std::string text_;
  std::string array_;
};

}  // namespace slicemill::postgres
