// Answers that are as they were as long as nothing has changed: many clients ask again and again for the same list.
//
// Owner: the dialect; loop thread. Bounded: all are forgotten when they become too much.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>

#include "api/http/message.h"

namespace slicemill::api::teraslice {

class ResponseCache {
 public:
  static constexpr std::size_t kMostBytes = 16 << 20;

  // The answer to this target, if it was given under this revision (JobService::revision).
  const Response* find(const std::string& target, std::uint64_t revision) const;
  void keep(const std::string& target, std::uint64_t revision, const Response& response);

 private:
  std::uint64_t revision_ = 0;  // of all of them
  std::size_t bytes_ = 0;
  std::unordered_map<std::string, Response> by_target_;
};

}  // namespace slicemill::api::teraslice
