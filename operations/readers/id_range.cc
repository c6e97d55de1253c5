#include "operations/readers/id_range.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <nlohmann/json.hpp>

#include "operations/readers/slice_request.h"

namespace slicemill {
namespace {

constexpr std::string_view kOpening = R"({"id":)";
constexpr std::size_t kLongestRecord = kOpening.size() + 20 + 1;  // 20: "-9223372036854775808"
constexpr std::int64_t kRecordsPerBatch = RecordBatch::kTargetBytes / kLongestRecord;

class IdRangeReader final : public Reader {
 public:
  Result<void> initialize(const OperationContext&) override { return {}; }

  Result<void> open(const SliceContext& slice) override {
    request_.set(slice.request);
    ASSIGN_OR_RETURN(next_, request_.integer("start"));
    ASSIGN_OR_RETURN(end_, request_.integer("end"));
    return {};
  }

  Result<void> read(RecordBatch& batch) override {
    if (next_ >= end_) return {};
    const std::int64_t count = std::min(end_ - next_, kRecordsPerBatch);
    char* const space = batch.allocate(static_cast<std::size_t>(count) * kLongestRecord);
    batch.records.reserve(static_cast<std::size_t>(count));
    char* at = space;
    for (const std::int64_t stop = next_ + count; next_ < stop; ++next_) {
      char* const record = at;
      std::memcpy(at, kOpening.data(), kOpening.size());
      at = std::to_chars(at + kOpening.size(), record + kLongestRecord, next_).ptr;
      *at++ = '}';
      batch.records.emplace_back(record, static_cast<std::size_t>(at - record));
    }
    batch.shrink_last(space, static_cast<std::size_t>(at - space));
    return {};
  }

 private:
  SliceRequest request_;
  std::int64_t next_ = 0;
  std::int64_t end_ = 0;
};

}  // namespace

OperationEntry id_range_operation() {
  OperationSchema schema;
  schema.name = "id_range";
  schema.kind = OperationKind::reader;
  schema.description = "Makes a record `{\"id\": n}` for every integer of a range.";
  constexpr double kLargest = 1e15;
  schema.options = {
      {.name = "start",
       .type = OptionType::integer,
       .description = "The first id.",
       .default_value = 0,
       .minimum = -kLargest,
       .maximum = kLargest},
      {.name = "end",
       .type = OptionType::integer,
       .description = "The first id that is not made any more.",
       .required = true,
       .minimum = -kLargest,
       .maximum = kLargest},
      {.name = "size",
       .type = OptionType::integer,
       .description = "Ids per slice.",
       .default_value = 10000,
       .minimum = 1,
       .maximum = kLargest},
  };
  schema.check = [](const Json& options) -> Result<void> {
    const auto start = options.at("start").get<std::int64_t>(), end = options.at("end").get<std::int64_t>();
    if (end < start) return Error(ErrorCode::invalid, fmt::format("end: {} is before start {}", end, start), false);
    return {};
  };
  return {std::move(schema), [] { return std::make_unique<IdRangeReader>(); }};
}

}  // namespace slicemill
