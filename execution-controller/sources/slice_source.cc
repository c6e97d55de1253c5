#include "execution-controller/sources/slice_source.h"

#include <algorithm>
#include <utility>

namespace slicemill::controller {
namespace {
constexpr std::uint64_t kSlicesPerTurn = 4096;
}

SliceSource::SliceSource(Loop& loop, LedgerWriter& writer, Files& files, const LedgerHeader& header, const JobSpec& job,
                         Hooks hooks)
    : loop_(loop), writer_(writer), job_(job), hooks_(std::move(hooks)) {
  const SlicerLane::Surroundings surroundings{
      .loop = loop,
      .writer = writer,
      .files = files,
      .job = job_,
      .generation = header.generation(),
      .epoch = header.epoch,
      .halted = halted_,
  };
  const auto& totals = header.figures.source_extents;
  const std::uint32_t count = slicers_of(job_);
  for (std::uint32_t id = 0; id < count; ++id) {
    const auto position = header.positions.find(id);
    const auto total = totals.find(id);
    auto lane = std::make_unique<SlicerLane>(
        surroundings, id, position == header.positions.end() ? SlicerPosition() : position->second,
        total == totals.end() ? std::nullopt : std::optional(total->second), lane_hooks());
    if (!lane->is_there()) break;
    lanes_.push_back(std::move(lane));
  }
}

SliceSource::~SliceSource() {
  halt();
}

SlicerLane::Hooks SliceSource::lane_hooks() {
  return {.on_opened = [this](const Result<void>& result) { opened(result); },
          .on_created = hooks_.on_created,
          .on_change = hooks_.on_change,
          .on_free = [this] { fill(last_waiting_, last_ahead_); },
          .on_fatal = hooks_.on_fatal,
          .on_notice = hooks_.on_notice};
}

void SliceSource::halt() {
  halted_->store(true);
}

bool SliceSource::can_resume() const {
  return !lanes_.empty() &&
         std::ranges::all_of(lanes_, [](const auto& lane) { return lane->slicer().is_recoverable(); });
}

void SliceSource::open(std::function<void(Result<void>)> done) {
  on_opened_ = std::move(done);
  if (lanes_.empty()) {
    opened(Error(ErrorCode::invalid, "the reader has no slicer"));
    return;
  }
  bool opens_any = false;
  for (auto& lane : lanes_) {
    if (!lane->must_open()) continue;
    opens_any = true;
    lane->open();
  }
  if (opens_any) return;
  loop_.post([this, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) opened({});
  });
}

// The first one that opened, or failed to, decides for all; what becomes of others is told as it comes.
void SliceSource::opened(const Result<void>& result) {
  endless_ = std::ranges::any_of(lanes_, [](const auto& lane) { return lane->is_endless(); });
  if (on_opened_)
    std::exchange(on_opened_, nullptr)(result);
  else if (result)
    hooks_.on_change();
  else
    hooks_.on_fatal(result.error());
}

void SliceSource::fill(std::uint64_t waiting, std::uint64_t ahead) {
  last_waiting_ = waiting;
  last_ahead_ = ahead;
  if (halted_->load() || waiting >= ahead) return;
  // A run is worth its record if it is not short; where few slices are wanted, one is enough.
  constexpr std::uint64_t kLeast = SlicerLane::kLeastPerTurn;
  const std::uint64_t missing = ahead - waiting;
  const std::uint64_t least = endless_ ? std::clamp<std::uint64_t>(ahead / 4, 1, kLeast) : kLeast;
  if (endless_ && missing < least) return;
  for (auto& lane : lanes_)
    if (lane->may_be_asked()) lane->ask(static_cast<std::size_t>(std::clamp(missing, least, kSlicesPerTurn)));
}

std::uint64_t SliceSource::subslices() const {
  std::uint64_t sum = 0;
  for (const auto& lane : lanes_) sum += lane->subslices();
  return sum;
}

std::string SliceSource::waits_for() const {
  for (const auto& lane : lanes_)
    if (!lane->waits_for().empty()) return lane->waits_for();
  return {};
}

SourceUnit SliceSource::unit() const {
  if (lanes_.empty()) return SourceUnit::none;
  const SourceUnit first = lanes_.front()->slicer().unit();
  const bool are_alike = std::ranges::all_of(lanes_, [&](const auto& lane) { return lane->slicer().unit() == first; });
  return are_alike ? first : SourceUnit::none;
}

std::map<std::uint32_t, std::uint64_t> SliceSource::totals() const {
  std::map<std::uint32_t, std::uint64_t> totals;
  for (std::uint32_t id = 0; id < lanes_.size(); ++id)
    if (lanes_[id]->total()) totals[id] = *lanes_[id]->total();
  return totals;
}

std::optional<std::uint64_t> SliceSource::total() const {
  std::uint64_t sum = 0;
  for (const auto& lane : lanes_) {
    if (!lane->total()) return std::nullopt;
    sum += *lane->total();
  }
  return sum;
}

bool SliceSource::hears_completions() const {
  return std::ranges::any_of(lanes_, [](const auto& lane) { return lane->slicer().hears_completions(); });
}

bool SliceSource::gives_nothing() const {
  return std::ranges::all_of(lanes_, [](const auto& lane) { return lane->gives_nothing(); });
}

bool SliceSource::exhausted() const {
  return std::ranges::all_of(lanes_, [](const auto& lane) { return lane->is_exhausted(); });
}

bool SliceSource::hears(std::uint32_t slicer) const {
  return slicer < lanes_.size() && lanes_[slicer]->slicer().hears_completions();
}

const SlicePolicyOf& SliceSource::policy(std::uint32_t slicer) const {
  static const SlicePolicyOf none;
  return slicer < lanes_.size() ? lanes_[slicer]->policy() : none;
}

void SliceSource::hear(Completion completion, std::function<void(bool)> record) {
  SlicerLane& lane = *lanes_[completion.key.slicer];
  lane.hear(std::move(completion), std::move(record));
}

void SliceSource::after_recorded(std::function<void()> then) {
  for (const auto& lane : lanes_) {
    if (!lane->has_untold()) continue;
    // Another one may have something to tell too.
    lane->when_told([this, then = std::move(then)]() mutable { after_recorded(std::move(then)); });
    return;
  }
  writer_.after_sync(std::move(then));
}

}  // namespace slicemill::controller
