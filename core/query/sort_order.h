// The order of a list. Pure, any thread.
//
// sort := key ("," key)*      key := field [":" ("asc" | "desc")]
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string_view>
#include <vector>

#include "core/query/field.h"
#include "core/runtime/result.h"

namespace slicemill::query {

struct SortKey {
  const Field* field = nullptr;
  bool descending = false;
};

// Nulls come last in either direction. invalid: a field that is not indexed, or no direction.
Result<std::vector<SortKey>> parse_sort(std::string_view text, std::span<const Field> fields);

// Whether this is the order of lists that name none: latest change first.
bool is_default_sort(std::span<const SortKey> keys);

// What a document is compared by: one value for each key.
std::vector<Value> sort_values(std::span<const SortKey> keys, const Json& document);
bool sorts_before(std::span<const SortKey> keys, const std::vector<Value>& a, const std::vector<Value>& b);

}  // namespace slicemill::query
