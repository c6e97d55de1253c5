// Values that are given to the parameters of a job when it is started. Where a job has parameters is its dialect's.
// Pure, any thread.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "core/runtime/json.h"
#include "core/runtime/result.h"

namespace slicemill {

struct ParamRules {
  Json given = Json::object();    // for this execution: text, numbers, booleans by name
  Json earlier = Json::object();  // to the execution that is recovered; names that the job does not know any more do
                                  // not matter
  // A job file of the command line: its texts hold parameters even if it declares none, apart from programs and their
  // arguments. Otherwise such a job is as it is, apart from paths.
  bool of_file = false;
  bool may_be_unset = false;  // the job is not started yet
};

// NAME := [A-Za-z_][A-Za-z0-9_]*
bool is_param_name(std::string_view name);

// invalid: not an object of names with texts, numbers or booleans, saying which member; null counts as not given.
Result<void> check_params(const Json& params);

}  // namespace slicemill
