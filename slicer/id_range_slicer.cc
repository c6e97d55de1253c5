#include "slicer/id_range_slicer.h"

#include <nlohmann/json.hpp>

#include "slicer/number_run.h"

namespace slicemill {
namespace {

class IdRangeSlicer final : public Slicer {
 public:
  Result<void> open(const SlicerContext& context, const std::string& position) override {
    next_ = context.options.at("start").get<std::int64_t>();
    end_ = context.options.at("end").get<std::int64_t>();
    size_ = context.options.at("size").get<std::int64_t>();
    if (!position.empty()) {
      ASSIGN_OR_RETURN(next_, parse_number_position(position, next_, end_));
    }
    return {};
  }

  Result<SlicerTurn> next(std::size_t wanted) override {
    SlicerTurn turn;
    if (next_ < end_ && wanted > 0) {
      const auto stop = run_end(next_, size_, end_, wanted);
      turn.runs.emplace_back(RangeRequests{"", "start", "end", false, next_, size_, stop});
      next_ = stop;
    }
    turn.position = number_position(next_);
    turn.finished = next_ >= end_;
    return turn;
  }

  std::string position_mismatch(const Json& recovered_options, const Json& options) const override {
    return option_mismatch({"start", "end", "size"}, recovered_options, options);
  }

 private:
  std::int64_t next_ = 0;
  std::int64_t end_ = 0;
  std::int64_t size_ = 1;
};

}  // namespace

std::unique_ptr<Slicer> make_id_range_slicer() {
  return std::make_unique<IdRangeSlicer>();
}

}  // namespace slicemill
