// A catalog of a few operations of each kind.
#pragma once

#include "tests/fakes/operation_table.h"

namespace slicemill {

class SmallCatalog final : public OperationTable {
 public:
  SmallCatalog() {
    add("source", OperationKind::reader,
        {{.name = "path", .type = OptionType::text, .required = true, .is_path = true},
         {.name = "more_path", .type = OptionType::text_list, .is_path = true},
         {.name = "size", .type = OptionType::integer, .default_value = 10, .minimum = 1}});
    add("filter", OperationKind::processor, {{.name = "field", .type = OptionType::text, .required = true}});
    add("target", OperationKind::sender, {});
    add("program", OperationKind::processor, {{.name = "repeatable", .type = OptionType::boolean}}).repeatable = false;
    add("printer", OperationKind::sender, {}).commit = CommitClass::at_least_once;
    add("database", OperationKind::reader, {}).connection_type = "postgres";
    // One that an api can configure.
    add("file_reader", OperationKind::reader,
        {{.name = "path", .type = OptionType::text, .required = true, .is_path = true}});
  }
};

}  // namespace slicemill
