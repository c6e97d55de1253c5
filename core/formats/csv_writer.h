// JSON objects as delimited text, quoted where RFC 4180 asks for it. Text values lose their JSON quotes, null is empty,
// numbers and words stand as they are, arrays and objects as their JSON text. What csv_reader.h would not read back as
// it is stands in quotes.
#pragma once

#include <memory>

#include "core/formats/record_writer.h"

namespace slicemill {

std::unique_ptr<RecordWriter> make_csv_writer(RecordWriterOptions options);

}  // namespace slicemill
