// What the system takes as environment variables of a process. Pure functions, any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace slicemill {

// Bytes of "NAME=value" that Linux passes to a program (its MAX_ARG_STRLEN, less the end).
inline constexpr std::size_t kLongestVariable = (128 << 10) - 1;
// Bytes of all variables that a job or a configuration may add. The system passes 2 MB with the arguments and what this
// process has in its own environment.
inline constexpr std::size_t kMostVariableBytes = 1'500'000;

// Why no process can be given this variable, as the end of a sentence about it; "" if one can.
std::string wrong_variable(std::string_view name, std::string_view value);

// Bytes that it takes of kMostVariableBytes.
std::size_t variable_bytes(std::string_view name, std::string_view value);

// The name as it is shown in messages: of a length and with characters that fit into one.
std::string shown_variable(std::string_view name);

}  // namespace slicemill
