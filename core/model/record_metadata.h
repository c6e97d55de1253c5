// What operations know of a record beside its bytes. It is never written with the record. Pure, any thread.
#pragma once

#include <string>
#include <string_view>

#include "core/runtime/result.h"

namespace slicemill {

// The views belong to whoever holds the record.
struct RecordMetadata {
  std::string_view key;    // what identifies it; "": it has none
  std::string_view route;  // which output it belongs to; "": it has none
  bool empty() const { return key.empty() && route.empty(); }
  bool operator==(const RecordMetadata&) const = default;
};

// As text, for those who keep the record: {"key":"...","route":"..."} without what is empty; "" for nothing.
std::string to_text(const RecordMetadata& metadata);

struct StoredMetadata {
  std::string key, route;
};
// invalid: it is no such text.
Result<StoredMetadata> parse_metadata(std::string_view text);

}  // namespace slicemill
