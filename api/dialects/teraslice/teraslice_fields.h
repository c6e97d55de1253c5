// The members of documents that lists of this dialect are filtered and sorted by. Constants, any thread.
#pragma once

#include <span>

#include "core/query/field.h"

namespace slicemill::api::teraslice {

std::span<const query::Field> job_fields();
std::span<const query::Field> execution_fields();
std::span<const query::Field> slice_fields();  // of the records of failed slices
std::span<const query::Field> asset_fields();

}  // namespace slicemill::api::teraslice
