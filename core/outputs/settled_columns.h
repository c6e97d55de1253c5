// The columns of csv and tsv output whose job does not name them: those of the first record that is written. They count
// for all slices of a lineage, so that its files, and the parts of a single file, have the same ones in the same order.
//
// columns := JSON array of texts, "\n"       in the staging directory; durable before any output that follows it
#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "core/outputs/file_layout.h"
#include "core/runtime/files.h"
#include "core/runtime/result.h"

namespace slicemill {

// Nothing: no slice has written a record yet. corrupt: the file is not what was written.
Result<std::optional<std::vector<std::string>>> settled_columns(Files& files, const FileLayout& layout);

// The same after a wait of a moment for another slice to settle them: slices that begin together are to agree on the
// columns of the first one, whichever is quicker. cancelled: ends the wait; may be null.
Result<std::optional<std::vector<std::string>>> await_settled_columns(Files& files, const FileLayout& layout,
                                                                      const std::atomic<bool>* cancelled);

// The settled ones, which are `own` if there are none yet. Any number of workers may ask at the same time; own_path is
// a name in the staging directory that no other uses.
Result<std::vector<std::string>> settle_columns(Files& files, const FileLayout& layout, const std::string& own_path,
                                                std::vector<std::string> own);

// Of a single file whose job names the columns: a recovery may name others than the first execution did. invalid: there
// are parts with other columns. own_path as above.
Result<void> check_columns(Files& files, const FileLayout& layout, const std::string& own_path,
                           const std::vector<std::string>& fields);

}  // namespace slicemill
