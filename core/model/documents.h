// Stored documents on their way to a client. What clients have stored may be large, so nobody needs a document, let
// alone a list of them, in memory whole: texts come in pieces, and documents one after the other.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/runtime/json.h"
#include "core/runtime/json_text.h"
#include "core/runtime/result.h"

namespace slicemill {

struct ShownDocument {
  std::string text;  // a JSON object on one line, or where that begins
  // Set if there is more of the text: the piece that begins at this byte, "" at the end. Loop thread. unavailable: the
  // document has changed meanwhile.
  std::function<Result<std::string>(std::uint64_t offset)> more;
  JsonMembers laid_over;              // over the members of the text
  std::vector<std::string> left_out;  // members of the text that are not shown
};

// Gives the documents of a list, read when they are asked for. Loop thread; does not outlive the service that gave it.
class DocumentList {
 public:
  virtual ~DocumentList() = default;
  // Nothing: that was the last one.
  virtual Result<std::optional<ShownDocument>> next() = 0;
};

// A list of what is in memory anyway, each document as text on one line.
std::shared_ptr<DocumentList> list_of(std::vector<std::string> documents);

// The document in memory whole.
Result<Json> whole_document(const ShownDocument& document);
// Its members of these names only. (Nothing: all of them.)
Result<std::string> shown_text(const ShownDocument& document, std::optional<std::vector<std::string>> only);

}  // namespace slicemill
