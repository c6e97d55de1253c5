// What the controller says of how far it is. Pure; loop thread. The figures themselves: core/model/stats.h.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace slicemill::controller {

// With one decimal, rounded down; below 100 as long as something is left.
double percent_of(std::uint64_t done, std::uint64_t total);

// The first ones; the last text says how many more there are.
std::vector<std::string> first_texts(const std::vector<std::string>& texts);

}  // namespace slicemill::controller
