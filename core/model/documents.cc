#include "core/model/documents.h"

#include <utility>

namespace slicemill {
namespace {

class ListInMemory final : public DocumentList {
 public:
  explicit ListInMemory(std::vector<std::string> documents) : documents_(std::move(documents)) {}

  Result<std::optional<ShownDocument>> next() override {
    if (next_ == documents_.size()) return std::optional<ShownDocument>();
    return std::optional(ShownDocument{std::move(documents_[next_++]), {}, {}});
  }

 private:
  std::vector<std::string> documents_;
  std::size_t next_ = 0;
};

}  // namespace

std::shared_ptr<DocumentList> list_of(std::vector<std::string> documents) {
  return std::make_shared<ListInMemory>(std::move(documents));
}

Result<std::string> shown_text(const ShownDocument& document, std::optional<std::vector<std::string>> only) {
  std::string out;
  JsonText text({.laid_over = document.laid_over, .only = std::move(only), .left_out = document.left_out});
  text.write(document.text, out);
  for (std::uint64_t offset = document.text.size(); document.more && !text.is_whole();) {
    ASSIGN_OR_RETURN(const std::string piece, document.more(offset));
    if (piece.empty()) break;
    offset += piece.size();
    text.write(piece, out);
  }
  return out;
}

Result<Json> whole_document(const ShownDocument& document) {
  ASSIGN_OR_RETURN(const std::string text, shown_text(document, std::nullopt));
  return parse_json(text);
}

}  // namespace slicemill
