#include "operations/readers/data_generator.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "operations/readers/record_plan.h"
#include "operations/readers/slice_request.h"

namespace slicemill {
namespace {

// FNV-1a: a seed out of a name, the same on every machine.
std::uint64_t seed_of(std::string_view name) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return hash;
}

class DataGenerator final : public Reader {
 public:
  Result<void> initialize(const OperationContext& context) override {
    ASSIGN_OR_RETURN(plan_, RecordPlan::make(context.operation.options));
    if (context.operation.options.contains("seed"))
      seed_ = static_cast<std::uint64_t>(context.operation.options["seed"].get<std::int64_t>());
    repeats_ = context.operation.options.value("stress_test", false);
    return {};
  }

  Result<void> open(const SliceContext& slice) override {
    request_.set(slice.request);
    ASSIGN_OR_RETURN(const auto count, request_.integer("count"));
    ASSIGN_OR_RETURN(const auto processed, request_.integer("processed"));
    if (count < 0 || processed < 0)
      return Error(ErrorCode::invalid, "slice request: count and processed must not be negative", false);
    first_ = next_ = static_cast<std::uint64_t>(processed);
    end_ = next_ + static_cast<std::uint64_t>(count);
    // The first execution of the chain: a recovery makes the same records again.
    slice_seed_ = seed_.value_or(seed_of(slice.lineage_id));
    plan_.set_created(slice.created_ms);
    return {};
  }

  Result<void> read(RecordBatch& batch) override {
    if (next_ == end_) return {};
    const auto fitting = std::max<std::uint64_t>(1, RecordBatch::kTargetBytes / plan_.longest());
    const auto count = std::min(end_ - next_, fitting);
    char* const space = batch.allocate((repeats_ ? 1 : count) * plan_.longest());
    batch.records.reserve(count);
    char* at = space;
    for (const auto stop = next_ + count; next_ < stop; ++next_) {
      if (repeats_ && at != space) {
        batch.records.push_back(batch.records.front());
        continue;
      }
      char* const record = at;
      RecordRandom random(slice_seed_, repeats_ ? first_ : next_);
      at = plan_.write(at, random);
      batch.records.emplace_back(record, static_cast<std::size_t>(at - record));
    }
    batch.shrink_last(space, static_cast<std::size_t>(at - space));
    return {};
  }

 private:
  RecordPlan plan_;
  SliceRequest request_;
  std::optional<std::uint64_t> seed_;
  std::uint64_t slice_seed_ = 0;
  bool repeats_ = false;
  std::uint64_t first_ = 0;
  std::uint64_t next_ = 0;
  std::uint64_t end_ = 0;
};

std::vector<OptionSpec> generator_options() {
  return {
      {.name = "json_schema",
       .type = OptionType::any,
       .description =
           "Fields of the records: an object of field name -> {\"type\": string | number | integer | boolean | ip | "
           "ipv6 | uuid | "
           "date | enum | url | userAgent | location}, with `min`, `max` and `decimals` for numbers, `min_length` and "
           "`max_length` for strings, `values` for enums. Without it: ip, userAgent, url, uuid, created, ipv6, "
           "location, bytes."},
      {.name = "size",
       .type = OptionType::integer,
       .description = "Records in all; of a persistent job the records per slice, unless slice_size is given.",
       .default_value = 5000,
       .minimum = 1,
       .maximum = 1e15},
      {.name = "slice_size",
       .type = OptionType::integer,
       .description = "Records per slice; without it 5000, or `size` in a persistent job.",
       .minimum = 1,
       .maximum = 1e9},
      {.name = "start",
       .type = OptionType::any,
       .description = "Earliest date of the `Between` formats: a date (also as `now-1d`), or milliseconds since 1970. "
                      "Without it 1970.",
       .date = DateUse::from},
      {.name = "end",
       .type = OptionType::any,
       .description = "Latest date of the `Between` formats: a date (also as `now-1d`), or milliseconds since 1970. "
                      "Without it the slice's creation.",
       .date = DateUse::until},
      {.name = "format",
       .type = OptionType::text,
       .description = "How dates are made: the slice's creation with offset (dateNow) or as UTC (utcDate), or a random "
                      "time between "
                      "start and end as UTC (utcBetween) or with offset (isoBetween). Without it dateNow, or "
                      "isoBetween if start or end "
                      "is given.",
       .choices = {"dateNow", "utcDate", "utcBetween", "isoBetween"}},
      {.name = "stress_test",
       .type = OptionType::boolean,
       .description = "Repeats one record within each slice, to make them as fast as can be.",
       .default_value = false},
      {.name = "delay",
       .type = OptionType::number,
       .description = "Seconds from one slice to the next.",
       .default_value = 0,
       .minimum = 0,
       .maximum = 86400},
      {.name = "date_key",
       .type = OptionType::text,
       .description = "Name of the default record's date field.",
       .default_value = "created"},
      {.name = "set_id",
       .type = OptionType::text,
       .description = "Adds a random `id` in this form, 20 (base64url) or 32 (hexadecimal) characters long.",
       .choices = {"base64url", "hexadecimal", "HEXADECIMAL"}},
      {.name = "id_start_key",
       .type = OptionType::text,
       .description = "Text that every `id` begins with; needs set_id."},
      {.name = "seed",
       .type = OptionType::integer,
       .description = "Number that the random values follow from; without it they follow from the execution's id."},
  };
}

}  // namespace

OperationEntry data_generator_operation() {
  OperationSchema schema;
  schema.name = "data_generator";
  schema.kind = OperationKind::reader;
  schema.description = "Makes up records, the same ones again whenever a slice is repeated.";
  schema.options = generator_options();
  schema.check = [](const Json& options) -> Result<void> {
    if (auto plan = RecordPlan::make(options); !plan) return plan.error();
    return {};
  };
  return {std::move(schema), [] { return std::make_unique<DataGenerator>(); }};
}

}  // namespace slicemill
