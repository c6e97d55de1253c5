#include "operations/processors/stdout.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>

namespace slicemill {
namespace {

Result<void> write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return errno_error(errno, "write", "standard output");
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

class Stdout final : public Processor {
 public:
  Result<void> initialize(const OperationContext& context) override {
    limit_ = static_cast<std::uint64_t>(context.options.value("limit", std::int64_t{0}));
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
    return write_all(STDOUT_FILENO, lines_);
  }
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
      "again.";
  schema.options = {{.name = "limit",
                     .type = OptionType::integer,
                     .description = "Records to write per slice; 0 writes all.",
                     .default_value = 0,
                     .minimum = 0}};
  schema.delivery = Delivery::at_least_once;
  schema.repeatable = false;
  return {std::move(schema), [] { return std::make_unique<Stdout>(); }};
}

}  // namespace slicemill
