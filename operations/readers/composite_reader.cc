#include "operations/readers/composite_reader.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>
#include <vector>

#include "core/formats/byte_scan.h"
#include "core/formats/json_scan.h"

namespace slicemill {
namespace {

constexpr std::string_view kMembersOpening = R"({"members":[)";
constexpr std::string_view kMembersClosing = "]}";

class CompositeReader final : public Reader {
 public:
  explicit CompositeReader(std::unique_ptr<Reader> inner) : inner_(std::move(inner)) {}

  Result<void> initialize(const OperationContext& context) override { return inner_->initialize(context); }

  Result<void> open(const SliceContext& slice) override {
    members_.clear();
    next_ = 0;
    slice_ = slice;
    if (!slice.request.starts_with(kMembersOpening)) return inner_->open(slice);
    RETURN_IF_ERROR(find_members(slice.request));
    return open_next();
  }

  Result<void> open_text(const SliceContext& slice, std::string_view text) override {
    members_.clear();
    next_ = 0;
    return inner_->open_text(slice, text);
  }

  Result<void> read(RecordBatch& batch) override {
    while (true) {
      RETURN_IF_ERROR(inner_->read(batch));
      if (!batch.records.empty() || next_ == members_.size()) return {};
      RETURN_IF_ERROR(open_next());
      batch.clear();  // members without records must not pile up space
    }
  }

  const std::vector<std::string>* columns() const override { return inner_->columns(); }

 private:
  Result<void> find_members(std::string_view request) {
    text_.assign(request);
    text_.append(kScanPadding, '\0');
    const char* at = text_.data() + kMembersOpening.size();
    const char* end = text_.data() + request.size();
    while (true) {
      const auto value = scan_json_value(at, end);
      if (value.state != JsonScan::State::complete || value.at == end) break;
      members_.emplace_back(at, static_cast<std::size_t>(value.at - at));
      at = value.at + 1;
      if (*value.at == ',') continue;
      if (std::string_view(value.at, static_cast<std::size_t>(end - value.at)) == kMembersClosing) return {};
      break;
    }
    return Error(ErrorCode::invalid, fmt::format("slice request {}: not a list of requests", text_head(request)),
                 false);
  }

  Result<void> open_next() {
    slice_.request = members_[next_++];
    return inner_->open(slice_);
  }

  std::unique_ptr<Reader> inner_;
  SliceContext slice_;
  std::string text_;
  std::vector<std::string_view> members_;  // of text_
  std::size_t next_ = 0;
};

}  // namespace

std::unique_ptr<Reader> make_composite_reader(std::unique_ptr<Reader> inner) {
  return std::make_unique<CompositeReader>(std::move(inner));
}

}  // namespace slicemill
