// What an expression may know of the world around it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "core/expression/value.h"

namespace slicemill::expression {

struct Environment {
  std::map<std::string, Value, std::less<>> variables;
  TimeValue now;                            // what the function `now` answers
  std::function<std::uint64_t()> random{};  // 64 random bits; without it, `randomInt` is an error
};

}  // namespace slicemill::expression
