// Placeholders in the paths that a job writes to: `{date}`, `{date:%Y/%m/%d}`, `{name}`, `{ex_id}`, and fields of the
// records: `{country}`, `{time:%Y-%m}`, `{country:-none}`. Pure, any thread.
//
// path        := (any | "{{" | "}}" | "{" placeholder "}")*     `{{` and `}}` stand for braces
// placeholder := "date" [":" format] | "name" | "ex_id" | ["field:"] field [":" format | ":-" default]
// format      := text with %Y %y %m %d %H %M %S %j %G %V %u %%
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/runtime/clock.h"
#include "core/runtime/result.h"

namespace slicemill {

// The option that takes FilledPath::subdirectory.
inline constexpr const char* kSubdirectoryOption = "subdirectory";
// The option that takes FilledPath::own_words.
inline constexpr const char* kPlaceholdersOption = "placeholders";

struct OutputPlace {
  WallMs moment = 0;  // of {date}, in UTC
  std::string name;   // of the job; what cannot stand in a file name is written as %XX
  std::string ex_id;  // of the first execution of the lineage; "": not known yet, and stays as it is
};

// A path that is known before there are records, and what depends on them.
struct FilledPath {
  std::string path;
  // From the first component with a field on; "": there is none. Its placeholders are all written
  // "{field:" field [":" format | ":-" default] "}", and literal braces are doubled (core/outputs/subdirectory.h).
  std::string subdirectory;
  std::vector<std::string> own_words;  // placeholders that are no fields: "date", "name", "ex_id"; each once
};

bool has_output_placeholder(std::string_view path);

// invalid: an unknown format. What is in braces and begins with no letter, `_` or `@` stays as it is.
Result<FilledPath> fill_output_path(std::string_view path, const OutputPlace& place);

// What a placeholder that is no field stands for, in words: "the name of the job".
std::string_view meaning_of(std::string_view own_word);

// How a path names a field: "{country}", "{field:name}".
std::string field_placeholder(std::string_view field);

// A moment in UTC. invalid: an unknown format.
Result<std::string> date_in_format(std::string_view format, WallMs moment);

// The text as a name of a file or directory: what cannot stand in one, `%` and a dot in front are written as %XX.
std::string file_name_of(std::string_view text);

}  // namespace slicemill
