// Whether the metadata of records (core/model/record_metadata.h) comes to the operation that needs it. Pure, any
// thread.
#pragma once

#include "core/model/operation_schema.h"
#include "core/runtime/result.h"

namespace slicemill {

enum class RecordMetadatum { key, route };

// Of the ways to scope.node: invalid, naming the operations, if one of them has an operation that sets it and behind
// that one that loses it; if it is required, also if nothing on a way sets it.
Result<void> check_metadata_ways(const JobScope& scope, RecordMetadatum wanted, bool is_required);

}  // namespace slicemill
