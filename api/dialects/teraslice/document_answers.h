// Answers made of stored documents: one that is small is whole at once, another one is made while it is sent. Loop
// thread.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "api/http/message.h"
#include "core/model/documents.h"
#include "core/runtime/result.h"

namespace slicemill::api::teraslice {

// Each may fail while the first part is made.
Result<Response> document_answer(ShownDocument document);
Result<Response> list_answer(std::shared_ptr<DocumentList> list);
// Tells of the window of a list in headers: X-Total-Count, X-Next-Cursor.
Result<Response> with_window(Result<Response> response, const WindowFacts& window);
// A text table of a list, as the request wants it (see text_table.h).
Result<Response> table_answer(const Request& request, std::shared_ptr<DocumentList> list,
                              const std::vector<std::string_view>& default_columns);

}  // namespace slicemill::api::teraslice
