// Where the records of a slice come from, in words: for errors that name no place of their own.
#pragma once

#include <string>
#include <string_view>

namespace slicemill {

// "/data/a.ldjson, bytes 0 to 999" of a part of a file, "/data/a.csv.gz" of a whole one, otherwise "slice " and the
// beginning of the request.
std::string slice_place(std::string_view request);

}  // namespace slicemill
