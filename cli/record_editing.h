// Quarantined records as a text that a person mends, and back. Pure, any thread.
//
//   # what can be done here
//   === <id> [base64] <place>: <error>
//   the record, as it is; of several lines if it has some
// A record that is taken out with its head stays quarantined. Also read: records as they are listed, a JSON object a
// line.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/model/mended_records.h"
#include "core/runtime/json.h"
#include "core/runtime/result.h"

namespace slicemill::cli {

// records: as the master and quarantine_record_json() give them.
std::string editable_text(const std::vector<Json>& records);

// invalid: names the line.
Result<MendedRecords> read_edited(std::string_view text);

}  // namespace slicemill::cli
