// Configuration files of Teraslice (roots `teraslice:` and `terafoundation:`) in terms of our settings. Pure, any
// thread.
#pragma once

#include <string>

#include "core/runtime/config.h"

namespace slicemill::api::teraslice {

// The roots, what they mean here, and TERAFOUNDATION_CONFIG, which names such a file.
const ForeignConfig& foreign_config();

// The rows of docs/teraslice.md: what each key becomes.
std::string render_config_table();

}  // namespace slicemill::api::teraslice
