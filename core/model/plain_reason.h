// The reason of an execution's end without the words around it that clients match on. Pure, any thread.
#pragma once

#include <string_view>

namespace slicemill {

// "slicer for ex ... had an error, shutting down execution, caused by Error: no such file" is "no such file"; every
// other text stays. A view of the given one.
inline std::string_view plain_reason(std::string_view reason) {
  constexpr std::string_view kBegin = "slicer for ex ",
                             kCause = " had an error, shutting down execution, caused by Error: ";
  if (!reason.starts_with(kBegin)) return reason;
  const auto cause = reason.find(kCause);
  return cause == reason.npos ? reason : reason.substr(cause + kCause.size());
}

}  // namespace slicemill
