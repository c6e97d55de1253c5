// Operations as text for people: the body of `slicemill ops` and docs/operations.md. Pure, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/model/operation_schema.h"
#include "core/runtime/result.h"

namespace slicemill {

// All operations: name, kind, what it does. Ends with a line end, as do all texts here.
std::string describe_operations(const OperationCatalog& catalog);
// One operation and its options as a table. not_found with a suggestion.
Result<std::string> describe_operation(const OperationCatalog& catalog, std::string_view name);

// Options as a table of Markdown. title: of the first column.
std::string options_table(std::string_view title, const std::vector<const OptionSpec*>& specs);
// Breaks at blanks; every line but the first is indented.
std::string wrapped(std::string_view text, std::size_t indent);

// docs/operations.md. introduction: what stands before the tables.
std::string operations_markdown(const OperationCatalog& catalog, std::string_view introduction);

// not_found with a suggestion.
Result<const OperationSchema*> find_operation(const OperationCatalog& catalog, std::string_view name);

}  // namespace slicemill
