// The records of one slice that operations refused and the job wants to keep. Filled while the slice runs, taken when
// it has.
//
// Owner: the pipeline; operation thread only. Bounded: beyond the limits of core/model/quarantine.h a record is refused
// with an error, which fails the slice.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/model/quarantine.h"
#include "core/runtime/result.h"

namespace slicemill {

class RecordQuarantine {
 public:
  // The slice's request. Not copied, since hardly any slice has bad records: it is to outlive the slice.
  void begin(std::string_view request);
  // Where records without a place of their own came from, in words.
  std::string origin() const;
  // A record of this slice has been quarantined before: found by its bytes, it keeps its place.
  void expect(std::string_view bytes, const std::string& place);

  Result<void> add(QuarantinedRecord record);
  std::size_t size() const { return records_.size(); }
  std::vector<QuarantinedRecord> take();
  const std::vector<QuarantinedRecord>& records() const { return records_; }

  // The slice fails at this record, which is not quarantined: kept for those who look for the cause, cut to
  // kFailedBytes. The first one of the slice counts.
  static constexpr std::size_t kFailedBytes = 1024;
  void fail_at(QuarantinedRecord record);
  std::optional<QuarantinedRecord> take_failed();

 private:
  std::string_view request_;
  std::unordered_multimap<std::string, std::string> places_;  // by bytes; of redriven slices, which are small
  std::vector<QuarantinedRecord> records_;
  std::size_t bytes_ = 0;
  std::optional<QuarantinedRecord> failed_;
};

}  // namespace slicemill
