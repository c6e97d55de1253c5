#include "slicer/test_slicer.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace slicemill {
namespace {

constexpr int kBuiltInSlices = 10;

Result<std::vector<std::string>> read_slices(Files& files, const std::string& path) {
  ASSIGN_OR_RETURN(const auto file, files.open(path));
  ASSIGN_OR_RETURN(const auto stat, file->stat());
  std::string text(stat.size, '\0');
  ASSIGN_OR_RETURN(const auto size, file->read_at(0, text));
  text.resize(size);
  auto parsed = parse_json(text);
  if (!parsed) return with_context(parsed.error(), path);
  if (!parsed->is_array())
    return Error(ErrorCode::invalid, fmt::format("{}: must be a JSON array of slice requests", path), false);
  std::vector<std::string> slices;
  for (const auto& item : *parsed) {
    if (!item.is_structured()) {
      return Error(ErrorCode::invalid, fmt::format("{}: item {} must be an object or an array", path, slices.size()),
                   false);
    }
    slices.push_back(to_compact_text(item));
  }
  return slices;
}

class TestSlicer final : public Slicer {
 public:
  Result<void> open(const SlicerContext& context, const std::string&) override {
    persistent_ = context.persistent;
    next_ = 0;
    const auto path = context.options.value("slicer_data_file_path", "");
    if (!path.empty()) {
      ASSIGN_OR_RETURN(slices_, read_slices(*context.files, path));
      return {};
    }
    slices_.clear();
    for (int i = 0; i < kBuiltInSlices; ++i) slices_.push_back(fmt::format(R"({{"id":{}}})", i));
    return {};
  }

  Result<SliceBatch> next(std::size_t wanted) override {
    SliceBatch turn;
    ListRequests list;
    for (; wanted > 0 && next_ < slices_.size(); --wanted) list.requests.push_back(slices_[next_++]);
    if (!list.requests.empty()) turn.runs.emplace_back(std::move(list));
    if (next_ == slices_.size()) {
      turn.finished = !persistent_ || slices_.empty();
      if (!turn.finished) next_ = 0;
    }
    return turn;
  }

  bool is_recoverable() const override { return false; }
  bool is_endless() const override { return persistent_; }

 private:
  bool persistent_ = false;
  std::vector<std::string> slices_;
  std::size_t next_ = 0;
};

}  // namespace

std::unique_ptr<Slicer> make_test_slicer() {
  return std::make_unique<TestSlicer>();
}

}  // namespace slicemill
