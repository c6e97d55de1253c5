#include "api/http/document_bodies.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace slicemill::api {
namespace {

constexpr std::size_t kWholeBytes = 1 << 20;  // an answer up to this size is given at once
constexpr int kPieceDocuments = 32;           // each costs the loop a read, however little of it is shown

class DocumentBody final : public BodySource {
 public:
  DocumentBody(ShownDocument document, int indent) : reader_(std::move(document), {.indent = indent}) {}

  Result<std::string> next() override {
    std::string piece;
    while (piece.size() < kPieceBytes && !reader_.at_end()) RETURN_IF_ERROR(reader_.read(piece));
    return piece;
  }
  bool at_end() const override { return reader_.at_end(); }

 private:
  DocumentReader reader_;
};

class ListBody final : public BodySource {
 public:
  ListBody(std::shared_ptr<DocumentList> list, ListForm form) : list_(std::move(list)), form_(std::move(form)) {}

  Result<std::string> next() override {
    std::string piece = std::exchange(form_.before, {});
    documents_ = 0;
    while (piece.size() < kPieceBytes && documents_ < kPieceDocuments && !ended_) RETURN_IF_ERROR(add_to(piece));
    return piece;
  }
  bool at_end() const override { return ended_; }

 private:
  Result<void> add_to(std::string& piece) {
    if (reader_) {
      RETURN_IF_ERROR(reader_->read(piece));
      if (reader_->at_end()) reader_.reset();
      return {};
    }
    ASSIGN_OR_RETURN(auto document, list_->next());
    const std::string line =
        form_.indent == 0 ? "" : "\n" + std::string(document ? static_cast<std::size_t>(form_.indent) : 0, ' ');
    if (!document) {
      piece += (is_empty_ ? "[]" : line + "]") + form_.after;
      ended_ = true;
      return {};
    }
    ++documents_;
    piece += std::exchange(is_empty_, false) ? "[" : ",";
    piece += line;
    reader_.emplace(std::move(*document), JsonTextForm{.indent = form_.indent, .depth = form_.indent == 0 ? 0 : 1});
    return {};
  }

  std::shared_ptr<DocumentList> list_;
  ListForm form_;
  std::optional<DocumentReader> reader_;
  int documents_ = 0;  // of the present piece
  bool is_empty_ = true;
  bool ended_ = false;
};

// What comes out of it up to the limit; then the rest follows while it is sent.
class Begun final : public BodySource {
 public:
  Begun(std::string beginning, std::shared_ptr<BodySource> rest)
      : beginning_(std::move(beginning)), rest_(std::move(rest)) {}

  Result<std::string> next() override {
    if (!beginning_.empty()) return std::exchange(beginning_, {});
    return rest_->next();
  }
  bool at_end() const override { return beginning_.empty() && rest_->at_end(); }

 private:
  std::string beginning_;
  std::shared_ptr<BodySource> rest_;
};

}  // namespace

Result<void> DocumentReader::read(std::string& out) {
  if (begin_ == document_.text.size() && document_.more) {
    read_before_ += begin_;
    ASSIGN_OR_RETURN(document_.text, document_.more(read_before_));
    begin_ = 0;
    if (document_.text.empty()) document_.more = nullptr;
  }
  const std::size_t size = std::min(kReadBytes, document_.text.size() - begin_);
  text_.write(std::string_view(document_.text).substr(begin_, size), out);
  begin_ += size;
  return {};
}

JsonTextForm DocumentReader::with(JsonTextForm form) {
  form.laid_over = std::move(document_.laid_over);
  form.left_out = std::move(document_.left_out);
  return form;
}

std::shared_ptr<BodySource> document_body(ShownDocument document, int indent) {
  return std::make_shared<DocumentBody>(std::move(document), indent);
}

std::shared_ptr<BodySource> list_body(std::shared_ptr<DocumentList> list, ListForm form) {
  return std::make_shared<ListBody>(std::move(list), std::move(form));
}

Result<Response> answer_from(std::shared_ptr<BodySource> source, std::string_view content_type) {
  std::string beginning;
  for (std::size_t looks = 0; looks * kPieceBytes < kWholeBytes && beginning.size() < kWholeBytes; ++looks) {
    ASSIGN_OR_RETURN(std::string piece, source->next());
    if (beginning.empty())
      beginning = std::move(piece);
    else
      beginning += piece;
    if (source->at_end()) return Response{200, content_type, std::move(beginning), {}};
  }
  Response response{200, content_type, "", {}};
  response.source = std::make_shared<Begun>(std::move(beginning), std::move(source));
  return response;
}

}  // namespace slicemill::api
