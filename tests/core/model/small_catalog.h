// A catalog of a few operations of each kind.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/model/operation_schema.h"

namespace slicemill {

class SmallCatalog final : public OperationCatalog {
 public:
  SmallCatalog() {
    add("source", OperationKind::reader,
        {{.name = "path", .type = OptionType::text, .required = true, .is_path = true},
         {.name = "more_path", .type = OptionType::text_list, .is_path = true},
         {.name = "size", .type = OptionType::integer, .default_value = 10, .minimum = 1}});
    add("filter", OperationKind::processor, {{.name = "field", .type = OptionType::text, .required = true}});
    add("target", OperationKind::sender, {});
    // One that an api can configure.
    add("file_reader", OperationKind::reader,
        {{.name = "path", .type = OptionType::text, .required = true, .is_path = true}});
  }
  const OperationSchema* find(std::string_view name) const override {
    const auto found = std::find_if(schemas_.begin(), schemas_.end(), [&](const auto& s) { return s.name == name; });
    return found == schemas_.end() ? nullptr : &*found;
  }
  std::vector<const OperationSchema*> all() const override {
    std::vector<const OperationSchema*> all;
    for (const auto& schema : schemas_) all.push_back(&schema);
    return all;
  }

 private:
  void add(std::string name, OperationKind kind, std::vector<OptionSpec> options) {
    OperationSchema schema;
    schema.name = std::move(name);
    schema.kind = kind;
    schema.options = std::move(options);
    schemas_.push_back(std::move(schema));
  }
  std::vector<OperationSchema> schemas_;
};

}  // namespace slicemill
