#include "api/dialects/amp/amp_bodies.h"

#include <fmt/core.h>

#include <optional>
#include <utility>

#include "api/http/document_bodies.h"

namespace slicemill::api::amp {
namespace {

class DescribedBody final : public BodySource {
 public:
  DescribedBody(std::string before, std::vector<Described> objects, std::string after)
      : before_(std::move(before)), objects_(std::move(objects)), after_(std::move(after)) {}

  Result<std::string> next() override {
    std::string piece = std::exchange(before_, {});
    while (piece.size() < kPieceBytes && !ended_) RETURN_IF_ERROR(add_to(piece));
    return piece;
  }
  bool at_end() const override { return ended_; }

 private:
  Result<void> add_to(std::string& piece) {
    if (reader_) {
      RETURN_IF_ERROR(reader_->read(piece));
      if (!reader_->at_end()) return {};
      reader_.reset();
      piece += '}';
      return {};
    }
    if (next_ == objects_.size()) {
      piece += after_;
      ended_ = true;
      return {};
    }
    if (next_ > 0) piece += ',';
    Described& object = objects_[next_++];
    piece += object.members;
    ASSIGN_OR_RETURN(ShownDocument configuration, object.configuration());
    if (configuration.text.empty()) {
      piece += "null}";
      return {};
    }
    configuration.laid_over.emplace_back("kind", "\"slicemill\"");
    reader_.emplace(std::move(configuration), JsonTextForm{});
    return {};
  }

  std::string before_;
  std::vector<Described> objects_;
  const std::string after_;
  std::size_t next_ = 0;
  std::optional<DocumentReader> reader_;
  bool ended_ = false;
};

}  // namespace

std::string members_text(const JsonMembers& members, std::string_view descriptor_name) {
  std::string text = "{";
  for (const auto& [name, value] : members) text += fmt::format("\"{}\":{},", name, value);
  return text + fmt::format("\"{}\":", descriptor_name);
}

std::shared_ptr<BodySource> described_body(std::string before, std::vector<Described> objects, std::string after) {
  return std::make_shared<DescribedBody>(std::move(before), std::move(objects), std::move(after));
}

}  // namespace slicemill::api::amp
