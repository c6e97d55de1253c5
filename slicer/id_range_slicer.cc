#include "slicer/id_range_slicer.h"

#include <nlohmann/json.hpp>

#include "slicer/number_run.h"

namespace slicemill {
namespace {

class IdRangeSlicer final : public Slicer {
 public:
  Result<void> open(const SlicerContext& context, const std::string& position) override {
    const auto start = context.options.at("start").get<std::int64_t>();
    const auto end = context.options.at("end").get<std::int64_t>();
    size_ = context.options.at("size").get<std::int64_t>();
    begin_ = next_ = share_begin(start, end, context.slicer, context.slicers);
    end_ = share_begin(start, end, context.slicer + 1, context.slicers);
    if (!position.empty()) {
      ASSIGN_OR_RETURN(next_, parse_number_position(position, next_, end_));
    }
    return {};
  }

  Result<SliceBatch> next(std::size_t wanted) override {
    SliceBatch turn;
    if (next_ < end_ && wanted > 0) {
      const auto stop = run_end(next_, size_, end_, wanted);
      turn.runs.emplace_back(RangeRequests{"", "start", "end", false, next_, size_, stop});
      next_ = stop;
    }
    turn.position = number_position(next_);
    turn.finished = next_ >= end_;
    turn.total = static_cast<std::uint64_t>(end_) - static_cast<std::uint64_t>(begin_);
    return turn;
  }

  SourceUnit unit() const override { return SourceUnit::records; }

  std::string position_mismatch(const Json& recovered_options, const Json& options) const override {
    return option_mismatch({"start", "end", "size"}, recovered_options, options);
  }

 private:
  // Where the part of one of several slicers begins: whole slices each, as even as may be.
  std::int64_t share_begin(std::int64_t start, std::int64_t end, std::uint64_t slicer, std::uint64_t slicers) const {
    if (slicer == slicers) return end;
    const auto span = static_cast<std::uint64_t>(end) - static_cast<std::uint64_t>(start);
    const auto size = static_cast<std::uint64_t>(size_);
    const std::uint64_t slices = span / size + (span % size == 0 ? 0 : 1);
    const std::uint64_t first = slices / slicers * slicer + slices % slicers * slicer / slicers;
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(start) + first * size);
  }

  std::int64_t begin_ = 0;
  std::int64_t next_ = 0;
  std::int64_t end_ = 0;
  std::int64_t size_ = 1;
};

}  // namespace

std::unique_ptr<Slicer> make_id_range_slicer() {
  return std::make_unique<IdRangeSlicer>();
}

}  // namespace slicemill
