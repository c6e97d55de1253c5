// From an Error to an HTTP status: one table per dialect, and variants of it for rows that answer a code differently.
#pragma once

#include <array>
#include <cstddef>
#include <utility>

#include "core/runtime/result.h"

namespace slicemill::api {

inline constexpr std::size_t kErrorCodeCount = static_cast<std::size_t>(ErrorCode::internal) + 1;

struct ErrorTable {
  std::array<std::pair<ErrorCode, int>, kErrorCodeCount> statuses;  // in the order of ErrorCode

  constexpr int status(ErrorCode code) const { return statuses[static_cast<std::size_t>(code)].second; }

  // The same table with another status for one code.
  constexpr ErrorTable with(ErrorCode code, int status) const {
    ErrorTable changed = *this;
    changed.statuses[static_cast<std::size_t>(code)].second = status;
    return changed;
  }

  // For a static_assert beside each table: every code has its row.
  constexpr bool is_complete() const {
    for (std::size_t i = 0; i < statuses.size(); ++i)
      if (statuses[i].first != static_cast<ErrorCode>(i) || statuses[i].second < 400 || statuses[i].second > 599)
        return false;
    return true;
  }
};

}  // namespace slicemill::api
