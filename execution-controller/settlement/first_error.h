// The first thing that went wrong with the records of an execution: where it was, and how that is told. Pure.
#pragma once

#include <optional>
#include <string>

#include "core/model/quarantine.h"
#include "core/model/slice.h"
#include "core/model/stats.h"

namespace slicemill::controller {

// Of a slice that failed for good, or of a quarantined record.
struct FirstError {
  SliceKey slice;
  std::string request;  // of the slice
  std::string error;
  std::optional<QuarantinedRecord> record{};  // the bad record, if it is known; its bytes may be cut
  bool is_quarantined = false;
};

// What of it is shown.
FirstErrorView view_of(const FirstError& first);
// "the error (FILE, bytes 0 to 99); record: {...}", with what of it is known and not said by the error itself, of which
// this is the first line.
std::string first_error_text(const FirstError& first);

}  // namespace slicemill::controller
