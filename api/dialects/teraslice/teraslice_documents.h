// Jobs and executions as clients of Teraslice see them: the documents that are stored and shown, and the fields that
// lists are filtered by. Pure, any thread.
#pragma once

#include "core/model/job_dialect.h"

namespace slicemill::api::teraslice {

const JobDialect& job_dialect();

// A job in our own words as an execution's document, for executions of which nothing else is known.
Json document_of(const JobSpec& spec);

}  // namespace slicemill::api::teraslice
