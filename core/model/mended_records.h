// Quarantined records that were chosen, and perhaps mended, to run again. Pure, any thread.
//
//   [{"id": "<slice id>/<number>", "bytes": "...", "encoding": "utf-8" | "base64"}, ...]
// Other members are passed over, so that records can be sent back as they are listed.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "core/runtime/json.h"
#include "core/runtime/result.h"

namespace slicemill {

// How a quarantined record is called outside: by its slice and its number there.
std::string quarantine_id(std::string_view slice_id, std::uint32_t number);

// Bytes by id.
using MendedRecords = std::map<std::string, std::string, std::less<>>;

// invalid: says which record is wrong, and why; also an empty list, and a record that is longer than one can be.
Result<MendedRecords> parse_mended_records(const Json& list);
Json to_json(const MendedRecords& records);

}  // namespace slicemill
