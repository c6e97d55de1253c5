#include "operations/processors/stdout.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/runtime/standard_output.h"

namespace slicemill {
namespace {

class Stdout final : public Processor {
 public:
  Result<void> initialize(const OperationContext& context) override {
    limit_ = static_cast<std::uint64_t>(context.operation.options.value("limit", std::int64_t{0}));
    return {};
  }
  Result<void> begin(const SliceContext&) override {
    shown_ = 0;
    return {};
  }
  Result<void> process(RecordBatch& batch) override {
    std::size_t count = batch.records.size();
    if (limit_ > 0) count = std::min<std::uint64_t>(count, limit_ - shown_);
    if (count == 0) return {};
    lines_.clear();
    for (std::size_t i = 0; i < count; ++i) {
      lines_ += batch.records[i];
      lines_ += '\n';
    }
    shown_ += count;
    // One write for all, so that the lines of workers that share a terminal or a file are not mixed.
    return write_standard_output(lines_);
  }
  bool changes_batches() const override { return false; }
  void change_columns(std::vector<std::string>&) const override {}

 private:
  std::uint64_t limit_ = 0;
  std::uint64_t shown_ = 0;  // of this slice
  std::string lines_;
};

}  // namespace

OperationEntry stdout_operation() {
  OperationSchema schema;
  schema.name = "stdout";
  schema.kind = OperationKind::processor;
  schema.description =
      "Writes records as lines to the worker's standard output and passes them on. A slice that runs again is written "
      "again. Under a master that is the file `worker-N.out` in the execution's log directory, which keeps the last "
      "16 to 32 MB.";
  schema.options = {{.name = "limit",
                     .type = OptionType::integer,
                     .description = "Records to write per slice; 0 writes all.",
                     .default_value = 0,
                     .minimum = 0}};
  schema.commit = CommitClass::at_least_once;
  schema.uses_standard_output = true;
  schema.repeatable = false;
  return {std::move(schema), [] { return std::make_unique<Stdout>(); }};
}

}  // namespace slicemill
