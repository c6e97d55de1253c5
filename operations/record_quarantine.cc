#include "operations/record_quarantine.h"

#include <fmt/format.h>

#include <utility>

#include "operations/slice_place.h"

namespace slicemill {
namespace {

constexpr std::size_t kMostOriginBytes = 512;
constexpr std::size_t kMostErrorBytes = 4096;

Error too_much(const QuarantinedRecord& record, std::string_view what) {
  return Error(ErrorCode::invalid, fmt::format("{}; it was refused by {}: {}", what, record.operation, record.error),
               false);
}

}  // namespace

void RecordQuarantine::begin(std::string_view request) {
  request_ = request;
  places_.clear();
  records_.clear();
  bytes_ = 0;
  failed_.reset();
}

std::string RecordQuarantine::origin() const {
  if (is_redriven_request(request_)) return "redriven records";
  return slice_place(request_);
}

void RecordQuarantine::expect(std::string_view bytes, const std::string& place) {
  places_.emplace(bytes, place);
}

Result<void> RecordQuarantine::add(QuarantinedRecord record) {
  if (record.error.size() > kMostErrorBytes) record.error.resize(kMostErrorBytes);
  if (record.bytes.size() > kLongestQuarantinedBytes) {
    return too_much(record, fmt::format("a bad record of {} bytes is too long to be quarantined (at most {})",
                                        record.bytes.size(), kLongestQuarantinedBytes));
  }
  bytes_ += record.bytes.size() + record.error.size() + kMostOriginBytes;
  if (bytes_ > kMostQuarantinedBytesPerSlice) {
    return too_much(record, fmt::format("the bad records of the slice are more than {} MB, too much to be quarantined",
                                        kMostQuarantinedBytesPerSlice >> 20));
  }
  if (const auto known = places_.find(record.bytes); known != places_.end()) {
    record.place = std::move(known->second);
    places_.erase(known);
  }
  if (record.place.empty()) record.place = origin();
  records_.push_back(std::move(record));
  return {};
}

std::vector<QuarantinedRecord> RecordQuarantine::take() {
  return std::exchange(records_, {});
}

void RecordQuarantine::fail_at(QuarantinedRecord record) {
  if (failed_) return;
  if (record.bytes.size() > kFailedBytes) record.bytes.resize(kFailedBytes);
  if (record.error.size() > kMostErrorBytes) record.error.resize(kMostErrorBytes);
  failed_ = std::move(record);
}

std::optional<QuarantinedRecord> RecordQuarantine::take_failed() {
  return std::exchange(failed_, std::nullopt);
}

}  // namespace slicemill
