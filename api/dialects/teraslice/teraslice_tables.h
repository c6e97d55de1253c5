// The text tables /txt/...: which columns each has by default, and what its rows are. Pure functions, any thread.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "core/model/commands.h"
#include "core/runtime/json.h"

namespace slicemill::api::teraslice {

std::span<const std::string_view> worker_columns();
std::span<const std::string_view> node_columns();
std::span<const std::string_view> controller_columns();
// with_deletion: the list holds deleted ones.
std::vector<std::string_view> job_columns(bool with_deletion);
std::vector<std::string_view> execution_columns(bool with_deletion);

// From the cluster state: every process with its node and that one's host; every node with the number of its processes
// as `active`.
std::vector<Json> worker_rows(const Json& cluster_state);
std::vector<Json> node_rows(const Json& cluster_state);

// `size` rows from `from` on.
std::vector<Json> page_of(std::vector<Json> rows, const RecordQuery& query);

}  // namespace slicemill::api::teraslice
