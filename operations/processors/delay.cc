#include "operations/processors/delay.h"

#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

namespace slicemill {
namespace {

class Delay final : public Processor {
 public:
  Result<void> initialize(const OperationContext& context) override {
    ms_ = context.operation.options.value("ms", std::int64_t{100});
    return {};
  }
  // Holds the operation thread, which is there to be held: heartbeats and messages have a thread of their own.
  Result<void> begin(const SliceContext&) override {
    std::this_thread::sleep_for(std::chrono::milliseconds(ms_));
    return {};
  }
  Result<void> process(RecordBatch&) override { return {}; }
  void change_columns(std::vector<std::string>&) const override {}

 private:
  std::int64_t ms_ = 0;
};

}  // namespace

OperationEntry delay_operation() {
  OperationSchema schema;
  schema.name = "delay";
  schema.kind = OperationKind::processor;
  schema.description = "Waits once per slice and passes records on as they are.";
  schema.options = {{.name = "ms",
                     .type = OptionType::duration_ms,
                     .description = "How long to wait, in milliseconds.",
                     .default_value = 100,
                     .minimum = 0}};
  return {std::move(schema), [] { return std::make_unique<Delay>(); }};
}

}  // namespace slicemill
