#include "api/dialects/teraslice/document_answers.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "api/dialects/teraslice/teraslice_json.h"
#include "api/dialects/teraslice/text_table.h"
#include "api/http/document_bodies.h"

namespace slicemill::api::teraslice {
namespace {

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

}  // namespace

Result<Response> document_answer(ShownDocument document) {
  return answer_from(document_body(std::move(document), kIndent), kJsonType);
}

Result<Response> list_answer(std::shared_ptr<DocumentList> list) {
  return answer_from(list_body(std::move(list), {.indent = kIndent}), kJsonType);
}

Result<Response> with_window(Result<Response> response, const WindowFacts& window) {
  if (!response) return response;
  if (window.total) response->headers.push_back({"X-Total-Count", std::to_string(*window.total)});
  if (window.next) response->headers.push_back({"X-Next-Cursor", std::to_string(*window.next)});
  return response;
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
