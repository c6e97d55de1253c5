// What a plain YAML scalar means. Pure functions, any thread.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "core/runtime/json.h"
#include "core/runtime/result.h"

namespace slicemill {

// By the core schema of YAML 1.2. `note` is set if YAML 1.1 reads the scalar as something else. invalid: a number that
// does not fit into 64 bits.
Result<Json> yaml_plain_scalar(const std::string& text, std::string& note);

// With an explicit tag: "tag:yaml.org,2002:str" and its like for int, float, bool and null. invalid: another tag, or a
// text that is none of its values.
Result<Json> yaml_tagged_scalar(const std::string& text, std::string_view tag);

}  // namespace slicemill
