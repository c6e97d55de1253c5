// Identifiers as distinct types, so that a job id cannot be passed where an execution id is meant.
#pragma once

#include <compare>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace slicemill {

class Loop;

template <typename Tag>
struct TextId {
  std::string text;

  TextId() = default;
  explicit TextId(std::string value) : text(std::move(value)) {}
  bool empty() const { return text.empty(); }
  auto operator<=>(const TextId&) const = default;
};

using JobId = TextId<struct JobTag>;              // UUID v4
using ExecutionId = TextId<struct ExecutionTag>;  // UUID v4
using WorkerId = TextId<struct WorkerTag>;        // "<hostname>__<8 characters>", new at every process start

std::string random_uuid();                                                     // v4, from the system's random source
std::string random_uuid(Loop& loop);                                           // v4, from the loop's
std::string derived_uuid(std::string_view name_space, std::string_view name);  // v5 (SHA-1): same input, same id
WorkerId new_worker_id(Loop& loop);

}  // namespace slicemill

template <typename Tag>
struct std::hash<slicemill::TextId<Tag>> {
  size_t operator()(const slicemill::TextId<Tag>& id) const noexcept { return std::hash<std::string>()(id.text); }
};
