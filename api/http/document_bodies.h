// Bodies made of stored documents, which may be large: one that is small is whole at once, another one is made while it
// is sent. Loop thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "api/http/message.h"
#include "core/model/documents.h"
#include "core/runtime/json_text.h"
#include "core/runtime/result.h"

namespace slicemill::api {

inline constexpr std::size_t kReadBytes = 256 << 10;   // of a document, between two looks at the size of what came out
inline constexpr std::size_t kPieceBytes = 256 << 10;  // of an answer

// Reads one document through a form.
class DocumentReader {
 public:
  DocumentReader(ShownDocument document, JsonTextForm form) : document_(std::move(document)), text_(with(form)) {}

  // Writes the text of some more bytes. Requires: not at_end().
  Result<void> read(std::string& out);
  bool at_end() const { return text_.is_whole() || (begin_ == document_.text.size() && !document_.more); }

 private:
  JsonTextForm with(JsonTextForm form);

  ShownDocument document_;
  JsonText text_;
  std::size_t begin_ = 0;          // of what is not written yet, in the present piece
  std::uint64_t read_before_ = 0;  // bytes of the pieces before
};

// How a list of documents is written. indent: spaces per level, 0 for one line.
struct ListForm {
  int indent = 0;
  std::string before;  // the array: of the object that it is a member of
  std::string after;
};

std::shared_ptr<BodySource> document_body(ShownDocument document, int indent);
std::shared_ptr<BodySource> list_body(std::shared_ptr<DocumentList> list, ListForm form);

// A body up to 1 MB is given at once. May fail while the first part is made.
Result<Response> answer_from(std::shared_ptr<BodySource> source, std::string_view content_type);

}  // namespace slicemill::api
