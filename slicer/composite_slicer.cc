#include "slicer/composite_slicer.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

namespace slicemill {
namespace {

class CompositeSlicer final : public Slicer {
 public:
  CompositeSlicer(std::unique_ptr<Slicer> inner, std::size_t members) : inner_(std::move(inner)), members_(members) {}

  Result<void> open(const SlicerContext& context, const std::string& position) override {
    rest_.clear();
    inner_finished_ = false;
    inner_position_.clear();
    if (!position.empty()) {
      ASSIGN_OR_RETURN(inner_position_, take_position(position));
    }
    return inner_->open(context, inner_position_);
  }

  Result<SliceBatch> next(std::size_t wanted) override {
    SliceBatch turn;
    ListRequests slices;
    while (slices.requests.empty() && !inner_finished_ && turn.idle_ms == 0) {
      ASSIGN_OR_RETURN(const SliceBatch given, inner_->next(wanted));
      inner_position_ = given.position;
      inner_finished_ = given.finished;
      turn.idle_ms = given.idle_ms;
      turn.subslices += given.subslices;
      turn.total = given.total;
      turn.notices.insert(turn.notices.end(), given.notices.begin(), given.notices.end());
      for (const auto& run : given.runs) take(run, slices);
    }
    if (inner_finished_ && !rest_.empty()) slices.requests.push_back(join_rest());
    if (!slices.requests.empty()) turn.runs.emplace_back(std::move(slices));
    turn.finished = inner_finished_;
    turn.position = to_compact_text(Json{{"inner", inner_position_}, {"rest", rest_}});
    return turn;
  }

  SourceUnit unit() const override { return inner_->unit(); }
  bool is_recoverable() const override { return inner_->is_recoverable(); }
  std::string position_mismatch(const Json& recovered_options, const Json& options) const override {
    return inner_->position_mismatch(recovered_options, options);
  }

 private:
  Result<std::string> take_position(const std::string& position) {
    const auto parsed = parse_json(position);
    const Error corrupt(ErrorCode::corrupt, fmt::format("slicer position {} is not one of joined slices", position),
                        false);
    if (!parsed || !parsed->is_object() || !parsed->contains("inner") || !(*parsed)["inner"].is_string())
      return corrupt;
    if (!parsed->contains("rest") || !(*parsed)["rest"].is_array()) return corrupt;
    for (const auto& request : (*parsed)["rest"]) {
      if (!request.is_string()) return corrupt;
      rest_.push_back(request.get<std::string>());
    }
    return (*parsed)["inner"].get<std::string>();
  }

  void take(const std::variant<ListRequests, RangeRequests>& requests, ListRequests& slices) {
    const SliceRun run{.requests = requests};
    const std::uint64_t count = run.count();
    for (std::uint64_t i = 0; i < count; ++i) {
      rest_.push_back(run.request(i));
      if (rest_.size() >= members_) slices.requests.push_back(join_rest());
    }
  }

  std::string join_rest() {
    std::string request = fmt::format(R"({{"members":[{}]}})", fmt::join(rest_, ","));
    rest_.clear();
    return request;
  }

  std::unique_ptr<Slicer> inner_;
  std::size_t members_;
  std::string inner_position_;
  std::vector<std::string> rest_;
  bool inner_finished_ = false;
};

}  // namespace

std::unique_ptr<Slicer> make_composite_slicer(std::unique_ptr<Slicer> inner, std::size_t members) {
  return std::make_unique<CompositeSlicer>(std::move(inner), members);
}

}  // namespace slicemill
