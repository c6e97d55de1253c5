// Names of fields in messages. Pure, any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace slicemill {

// How a field is written where it was named.
using WrittenField = std::string (*)(std::string_view name);

// What to say to who named a field that is not among these: "`id`, `name` (did you mean `name`?)". At most ten names,
// each printable and short; "none" if there are none.
std::string fields_that_are(std::span<const std::string> names, std::string_view wanted,
                            WrittenField written = nullptr);

}  // namespace slicemill
