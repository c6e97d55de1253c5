#include "slicer/data_generator_slicer.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "slicer/number_run.h"

namespace slicemill {
namespace {

constexpr std::int64_t kDefaultSliceSize = 5000;
constexpr double kMsPerSecond = 1000;
constexpr std::int64_t kEndless = std::numeric_limits<std::int64_t>::max() / 2;

class DataGeneratorSlicer final : public Slicer {
 public:
  Result<void> open(const SlicerContext& context, const std::string& position) override {
    const auto size = context.options.at("size").get<std::int64_t>();
    slice_size_ = context.options.value("slice_size", context.persistent ? size : kDefaultSliceSize);
    end_ = context.persistent ? kEndless : size;
    delay_ms_ = std::llround(context.options.value("delay", 0.0) * kMsPerSecond);
    next_ = 0;
    if (!position.empty()) {
      ASSIGN_OR_RETURN(next_, parse_number_position(position, 0, end_));
    }
    return {};
  }

  Result<SliceBatch> next(std::size_t wanted) override {
    SliceBatch turn;
    if (next_ < end_ && wanted > 0) {
      const auto stop = run_stop(wanted);
      turn.runs.emplace_back(RangeRequests{"", "processed", "count", true, next_, slice_size_, stop});
      next_ = stop;
      turn.idle_ms = next_ < end_ ? delay_ms_ : 0;
    }
    turn.position = number_position(next_);
    turn.finished = next_ >= end_;
    if (end_ != kEndless) turn.total = static_cast<std::uint64_t>(end_);
    return turn;
  }

  bool is_endless() const override { return end_ == kEndless; }
  SourceUnit unit() const override { return SourceUnit::records; }

  std::string position_mismatch(const Json& recovered_options, const Json& options) const override {
    return option_mismatch({"size", "slice_size"}, recovered_options, options);
  }

 private:
  std::int64_t run_stop(std::size_t wanted) const {
    // The clock fields of a slice follow its creation, and a run is created at once: endless jobs and paced ones make
    // what is wanted now.
    if (delay_ms_ > 0) return std::min(end_, next_ + slice_size_);
    if (end_ == kEndless) return range_end(next_, slice_size_, end_, std::min<std::size_t>(wanted, 10'000));
    return run_end(next_, slice_size_, end_, wanted);
  }

  std::int64_t next_ = 0;
  std::int64_t end_ = 0;
  std::int64_t slice_size_ = kDefaultSliceSize;
  std::int64_t delay_ms_ = 0;
};

}  // namespace

std::unique_ptr<Slicer> make_data_generator_slicer() {
  return std::make_unique<DataGeneratorSlicer>();
}

}  // namespace slicemill
