// Placeholders in the paths that a job writes to: `{date}`, `{date:%Y/%m/%d}`, `{name}`, `{ex_id}`. Pure, any thread.
//
// path := (any | "{{" | "}}" | "{" word [":" format] "}")*     `{{` and `}}` stand for braces
// format: %Y %y %m %d %H %M %S %j %G %V %u %%
#pragma once

#include <string>
#include <string_view>

#include "core/runtime/clock.h"
#include "core/runtime/result.h"

namespace slicemill {

struct OutputPlace {
  WallMs moment = 0;  // of {date}, in UTC
  std::string name;   // of the job; what cannot stand in a file name is written as %XX
  std::string ex_id;  // of the first execution of the lineage; "": not known yet, and stays as it is
};

bool has_output_placeholder(std::string_view path);

// invalid: an unknown word or format. What is in braces and begins with no letter stays as it is.
Result<std::string> fill_output_path(std::string_view path, const OutputPlace& place);

}  // namespace slicemill
