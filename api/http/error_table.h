// From an Error to an HTTP status: one table per dialect, with the few special cases as data.
#pragma once

#include <array>
#include <span>
#include <string_view>
#include <utility>

#include "core/runtime/result.h"

namespace slicemill::api {

// An error of this code whose message begins and ends like this has a status of its own. First match wins.
struct SpecialStatus {
  ErrorCode code;
  std::string_view begins;
  std::string_view ends;
  int status;
};

inline constexpr std::size_t kErrorCodeCount = static_cast<std::size_t>(ErrorCode::internal) + 1;

struct ErrorTable {
  std::array<std::pair<ErrorCode, int>, kErrorCodeCount> statuses;  // in the order of ErrorCode
  std::span<const SpecialStatus> specials;

  int status(const Error& error) const;

  // For a static_assert beside each table: every code has its row.
  constexpr bool is_complete() const {
    for (std::size_t i = 0; i < statuses.size(); ++i)
      if (statuses[i].first != static_cast<ErrorCode>(i) || statuses[i].second < 400 || statuses[i].second > 599)
        return false;
    return true;
  }
};

}  // namespace slicemill::api
