#include "execution-controller/sources/work_sources.h"

#include <optional>
#include <utility>

#include "core/model/mended_records.h"

namespace slicemill::controller {
namespace {

// Of a redrive: the records that it runs; nothing: all of them. They were checked when it was asked for.
std::optional<MendedRecords> chosen_records(const JobSpec& job) {
  if (job.redriven_records.is_null()) return std::nullopt;
  auto records = parse_mended_records(job.redriven_records);
  if (!records) return MendedRecords();
  return std::move(*records);
}

}  // namespace

WorkSources::WorkSources(Loop& loop, SliceLedger& ledger, LedgerWriter& writer, Files& files, SliceQueue& queue,
                         const JobSpec& job, Hooks hooks)
    : source_(loop, writer, files, ledger.header(), job,
              SliceSource::Hooks{.on_created = [&queue](OpenRange range) { queue.push_range(std::move(range), false); },
                                 .on_change = hooks.on_change,
                                 .on_fatal = hooks.on_fatal,
                                 .on_notice = hooks.on_notice}),
      recovery_(loop, ledger, queue, job.goes_on,
                Recovery::Hooks{.on_isolated = hooks.on_isolated,
                                .on_charged = hooks.on_charged,
                                .on_change = hooks.on_change,
                                .on_fatal = hooks.on_ledger_failed}),
      redrive_(loop, ledger, writer, recovery_.redrives(), job.plan.sources().size(), chosen_records(job),
               Redrive::Hooks{.on_created = [&queue](OpenRange range) { queue.push_range(std::move(range), false); },
                              .on_change = hooks.on_change,
                              .on_fatal = hooks.on_ledger_failed}),
      hooks_(std::move(hooks)) {}

void WorkSources::begin(bool goes_on) {
  if (!slices_anew() || (goes_on && !source_.can_resume())) {
    cannot_resume_ = slices_anew();
    slicers_ = Slicers::decided;
    hooks_.on_ready({});
  } else if (replays() && !source_.hears_completions()) {
    hooks_.on_ready({});
  } else {
    open_slicers();
  }
}

void WorkSources::open_slicers() {
  if (slicers_ != Slicers::closed) return;
  slicers_ = Slicers::opening;
  source_.open([this](const Result<void>& opened) {
    slicers_ = Slicers::decided;
    hooks_.on_ready(opened);
  });
}

void WorkSources::fill(std::uint64_t queued, std::uint64_t ahead, std::uint64_t least) {
  recovery_.fill(queued, ahead);
  redrive_.fill(queued, ahead);
  if (slicers_decided() && !cannot_resume_) source_.fill(queued, source_.is_endless() ? least : ahead);
}

void WorkSources::halt() {
  source_.halt();
  recovery_.halt();
  redrive_.halt();
}

}  // namespace slicemill::controller
