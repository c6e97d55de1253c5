#include "operations/processors/collect.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace slicemill {
namespace {

class Collect final : public Processor {
 public:
  Result<void> initialize(const OperationContext& context) override {
    size_ = static_cast<std::size_t>(context.operation.options.at("size").get<std::int64_t>());
    return {};
  }
  Result<void> begin(const SliceContext&) override {
    held_.clear();
    taken_.clear();
    next_ = 0;
    return {};
  }
  Result<void> process(RecordBatch& batch) override {
    std::swap(batch, taken_);
    next_ = 0;
    gather(batch);
    return {};
  }
  Result<bool> more(RecordBatch& batch) override {
    if (next_ == taken_.records.size()) return false;
    gather(batch);
    return !batch.records.empty();
  }
  Result<void> finish(RecordBatch& batch) override {
    std::swap(batch, held_);
    held_.clear();
    return {};
  }
  void abandon() override {
    held_.clear();
    taken_.clear();
    next_ = 0;
  }
  void change_columns(std::vector<std::string>&) const override {}

 private:
  // The batch becomes the next whole group, or empty if what was taken does not fill one.
  void gather(RecordBatch& batch) {
    batch.clear();
    while (next_ < taken_.records.size() && held_.records.size() < size_) held_.append_copy(taken_, next_++);
    if (held_.records.size() == size_) std::swap(batch, held_);
  }

  std::size_t size_ = 1;
  RecordBatch held_;   // of the group that is being gathered
  RecordBatch taken_;  // the last batch that came, from next_ on not gathered yet
  std::size_t next_ = 0;
};

}  // namespace

OperationEntry collect_operation() {
  OperationSchema schema;
  schema.name = "collect";
  schema.kind = OperationKind::processor;
  schema.description =
      "Gathers records, so that the next operation gets batches of exactly `size` of them; the last batch of a slice "
      "holds the rest. A batch is in memory as a whole.";
  schema.options = {
      {.name = "size",
       .type = OptionType::integer,
       .description = "Records of a batch.",
       .required = true,
       .minimum = 1},
      {.name = "slices",
       .type = OptionType::integer,
       .description = "Combines this many slices of the reader into one, so that batches can span them. They succeed "
                      "or fail together.",
       .default_value = 1,
       .minimum = 1,
       .maximum = 10'000},
      {.name = "wait",
       .type = OptionType::duration_ms,
       .description = "Accepted; has no effect, since no record is held back when a slice ends.",
       .minimum = 0},
  };
  return {std::move(schema), [] { return std::make_unique<Collect>(); }};
}

}  // namespace slicemill
