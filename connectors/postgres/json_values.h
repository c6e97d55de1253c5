// Values in the binary form of PostgreSQL as JSON text. Pure.
#pragma once

#include <string_view>

#include "connectors/postgres/copied_columns.h"
#include "core/formats/record_text.h"

namespace slicemill::postgres {

// What must be readable behind a value: scans read ahead.
inline constexpr std::size_t kValuePadding = 64;

// Appends the value. False: its bytes are no such value; half of it may be appended then.
bool write_json(RecordText& text, Decoding decoding, Decoding element, std::string_view bytes);

}  // namespace slicemill::postgres
