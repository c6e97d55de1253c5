// A catalog that a test fills with a few operations of its own.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/model/operation_schema.h"

namespace slicemill {

class OperationTable : public OperationCatalog {
 public:
  const OperationSchema* find(std::string_view name) const override {
    const auto found = std::ranges::find(schemas_, name, &OperationSchema::name);
    return found == schemas_.end() ? nullptr : &*found;
  }
  std::vector<const OperationSchema*> all() const override {
    std::vector<const OperationSchema*> all;
    for (const auto& schema : schemas_) all.push_back(&schema);
    return all;
  }

 protected:
  OperationSchema& add(std::string name, OperationKind kind, std::vector<OptionSpec> options) {
    OperationSchema schema;
    schema.name = std::move(name);
    schema.kind = kind;
    schema.options = std::move(options);
    return schemas_.emplace_back(std::move(schema));
  }

 private:
  std::vector<OperationSchema> schemas_;
};

}  // namespace slicemill
