#include "api/dialects/teraslice/document_answers.h"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "api/dialects/teraslice/teraslice_json.h"
#include "api/dialects/teraslice/text_table.h"

namespace slicemill::api::teraslice {
namespace {

constexpr std::size_t kReadBytes = 256 << 10;   // of a document, between two looks at the size of what came out
constexpr std::size_t kPieceBytes = 256 << 10;  // of an answer
constexpr std::size_t kWholeBytes = 1 << 20;    // an answer up to this size is given at once

// Reads one document through a form.
class DocumentReader {
 public:
  DocumentReader(ShownDocument document, JsonTextForm form) : document_(std::move(document)), text_(with(form)) {}

  // Writes the text of some more bytes. Requires: not at_end().
  Result<void> read(std::string& out) {
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

  bool at_end() const { return text_.is_whole() || (begin_ == document_.text.size() && !document_.more); }

 private:
  JsonTextForm with(JsonTextForm form) {
    form.laid_over = std::move(document_.laid_over);
    return form;
  }

  ShownDocument document_;
  JsonText text_;
  std::size_t begin_ = 0;          // of what is not written yet, in the present piece
  std::uint64_t read_before_ = 0;  // bytes of the pieces before
};

class DocumentBody final : public BodySource {
 public:
  explicit DocumentBody(ShownDocument document) : reader_(std::move(document), {.indent = kIndent}) {}

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
  explicit ListBody(std::shared_ptr<DocumentList> list) : list_(std::move(list)) {}

  Result<std::string> next() override {
    std::string piece;
    while (piece.size() < kPieceBytes && !ended_) RETURN_IF_ERROR(add_to(piece));
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
    const std::string line = "\n" + std::string(document ? kIndent : 0, ' ');
    if (!document) {
      piece += is_empty_ ? "[]" : line + "]";
      ended_ = true;
      return {};
    }
    piece += std::exchange(is_empty_, false) ? "[" : ",";
    piece += line;
    reader_.emplace(std::move(*document), JsonTextForm{.indent = kIndent, .depth = 1});
    return {};
  }

  std::shared_ptr<DocumentList> list_;
  std::optional<DocumentReader> reader_;
  bool is_empty_ = true;
  bool ended_ = false;
};

// The rows are made while nothing is sent yet: a column is as wide as its widest cell.
class TableBody final : public BodySource {
 public:
  TableBody(std::shared_ptr<DocumentList> list, std::vector<std::string> columns, bool with_header)
      : list_(std::move(list)), table_(std::move(columns), with_header) {
    // What the cells are made of; the rest of a document is not even looked at.
    for (const std::string& column : table_.columns()) {
      members_.push_back(column);
      members_.push_back(column.substr(0, column.find_first_of(".[")));
    }
  }

  Result<std::string> next() override {
    for (std::size_t read = 0; read < kPieceBytes && !printed_;) {
      if (reader_ && !reader_->at_end()) {
        RETURN_IF_ERROR(reader_->read(row_));
        read += kReadBytes;
        continue;
      }
      if (reader_) RETURN_IF_ERROR(add_row());
      ASSIGN_OR_RETURN(auto document, list_->next());
      if (document) {
        read += document->text.size() / 8;
        reader_.emplace(std::move(*document), JsonTextForm{.only = members_});
        continue;
      }
      printed_ = true;
      return table_.print();
    }
    return std::string();
  }
  bool at_end() const override { return printed_; }

 private:
  Result<void> add_row() {
    ASSIGN_OR_RETURN(const Json record, parse_json(row_));
    row_.clear();
    reader_.reset();
    return table_.add(record);
  }

  std::shared_ptr<DocumentList> list_;
  TextTable table_;
  std::vector<std::string> members_;
  std::optional<DocumentReader> reader_;
  std::string row_;
  bool printed_ = false;
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

}  // namespace

Result<Response> document_answer(ShownDocument document) {
  return answer_from(std::make_shared<DocumentBody>(std::move(document)), kJsonType);
}

Result<Response> list_answer(std::shared_ptr<DocumentList> list) {
  return answer_from(std::make_shared<ListBody>(std::move(list)), kJsonType);
}

Result<Response> table_answer(const Request& request, std::shared_ptr<DocumentList> list,
                              const std::vector<std::string_view>& default_columns) {
  auto columns = table_columns(request, default_columns);
  RETURN_IF_ERROR(check_columns(columns));
  return answer_from(
      std::make_shared<TableBody>(std::move(list), std::move(columns), request.query_value("headers") != "false"),
      kTableType);
}

}  // namespace slicemill::api::teraslice
