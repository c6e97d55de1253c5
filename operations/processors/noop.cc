#include "operations/processors/noop.h"

namespace slicemill {
namespace {

class Noop final : public Processor {
 public:
  Result<void> initialize(const OperationContext&) override { return {}; }
  Result<void> process(RecordBatch&) override { return {}; }
  bool changes_batches() const override { return false; }
  void change_columns(std::vector<std::string>&) const override {}
};

}  // namespace

OperationEntry noop_operation() {
  OperationSchema schema;
  schema.name = "noop";
  schema.kind = OperationKind::processor;
  schema.description = "Passes records on as they are. As the last operation it ends a job that keeps nothing.";
  return {std::move(schema), [] { return std::make_unique<Noop>(); }};
}

}  // namespace slicemill
