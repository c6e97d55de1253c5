#include "execution-controller/settlement/tally.h"

#include <algorithm>

namespace slicemill::controller {

Tally::Tally(Loop& loop, LedgerWriter& writer, const LedgerHeader& header)
    : loop_(loop),
      writer_(writer),
      generation_(header.generation()),
      counters_(header.counters),
      completed_extent_(header.figures.completed_extent),
      failed_extent_(header.figures.failed_extent) {}

void Tally::add_completed(const SliceSpan& span, const wire::SliceResult& result) {
  counters_.records_in += result.records_in;
  counters_.records_out += result.records_out;
  counters_.processed += span.size();
  completed_extent_ += span.run->extent(span.from, span.to);
}

void Tally::add_completed(const ActiveSlice& slice, const OutputFacts& output, std::uint64_t records_out) {
  ++counters_.processed;
  counters_.records_out += records_out;
  counters_.bytes_out += output.present ? output.bytes : 0;
  completed_extent_ += slice.extent();
}

void Tally::add_failed(const ActiveSlice& slice, const std::string& error, std::optional<QuarantinedRecord> record) {
  ++counters_.processed;
  ++counters_.failed;
  failed_extent_ += slice.extent();
  if (!first_failure_) first_failure_ = FirstError{slice.key, slice.request(), error, std::move(record)};
}

void Tally::take_records(ActiveSlice& slice, const wire::SliceResult& result) {
  counters_.records_in += result.records_in;
  counters_.quarantined += result.quarantined.size();
  slice.quarantined = static_cast<std::uint32_t>(result.quarantined.size());
  if (slice.quarantined > 0 && !first_quarantined_) {
    const QuarantinedRecord& first = result.quarantined.front();
    first_quarantined_ = FirstError{slice.key, slice.request(), first.error, first, true};
  }
  for (std::uint32_t number = 0; number < slice.quarantined; ++number) {
    writer_.batch().quarantined.push_back({.at = {slice.key, number},
                                           .settled_in = generation_,
                                           .at_ms = loop_.wall_ms(),
                                           .record = result.quarantined[number]});
  }
}

void Tally::forget_records(const CommittedSlice& lost) {
  counters_.records_in -= std::min(counters_.records_in, lost.records_in);
  counters_.quarantined -= std::min<std::uint64_t>(counters_.quarantined, lost.slice.quarantined);
  for (std::uint32_t number = 0; number < lost.slice.quarantined; ++number)
    writer_.batch().released.push_back({lost.slice.key, number});
}

}  // namespace slicemill::controller
