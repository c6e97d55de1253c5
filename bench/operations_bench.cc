// What operations cost per record on one core, without files and processes around them: records of about 300 bytes.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "operations/operation.h"

namespace slicemill {
namespace {

std::unique_ptr<Operation> made(const char* name, const char* options) {
  auto parsed = Json::parse(options);
  auto operation = builtin_operations().make(name);
  if (auto ready = operation->initialize(
          {{.name = name, .options = validate_options(*builtin_operations().find(name), parsed).options},
           JobSpec(),
           0,
           "bench"});
      !ready) {
    std::abort();
  }
  return operation;
}

// Generated records, a batch of them again and again.
class Source {
 public:
  Source() {
    auto generator = made("data_generator", R"({"seed":1,"set_id":"base64url","format":"utcBetween"})");
    SliceContext slice;
    slice.request = R"({"processed":0,"count":3000})";
    slice.created_ms = 1'768'830'488'426;
    auto& reader = dynamic_cast<Reader&>(*generator);
    if (!reader.open(slice)) std::abort();
    while (reader.read(batch_) && !batch_.records.empty()) {
      for (const auto record : batch_.records) records_.append_copy(record);
      batch_.clear();
    }
  }
  // A batch whose records are views of ours: reading is not measured.
  RecordBatch& fill(RecordBatch& batch) const {
    batch.clear();
    batch.records = records_.records;
    return batch;
  }
  std::size_t count() const { return records_.records.size(); }
  std::size_t bytes() const { return records_.bytes(); }

 private:
  RecordBatch records_, batch_;
};

void run(benchmark::State& state, const std::vector<std::pair<const char*, const char*>>& line) {
  const Source source;
  std::vector<std::unique_ptr<Operation>> operations;
  for (const auto& [name, options] : line) operations.push_back(made(name, options));
  RecordBatch batch;
  for (auto _ : state) {
    source.fill(batch);
    for (auto& operation : operations) {
      if (!dynamic_cast<Processor&>(*operation).process(batch)) state.SkipWithError("failed");
    }
    benchmark::DoNotOptimize(batch.records.data());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(source.bytes()));
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(source.count()));
}

constexpr auto kHalf = R"({"field":"bytes","min":2800000})";

void filter_number(benchmark::State& state) {
  run(state, {{"filter", kHalf}});
}
void filter_regex(benchmark::State& state) {
  run(state, {{"filter", R"({"field":"url","regex":"\\.(com|net)/"})"}});
}
void select_four(benchmark::State& state) {
  run(state, {{"selection", R"({"fields":["ip","url","created","bytes"]})"}});
}
void filter_then_select(benchmark::State& state) {
  run(state, {{"filter", kHalf}, {"selection", R"({"fields":["ip","url","created","bytes"]})"}});
}
void set_field(benchmark::State& state) {
  run(state, {{"set_field", R"({"field":"tag","value":"x"})"}});
}
void drop_field(benchmark::State& state) {
  run(state, {{"drop_field", R"({"field":"userAgent"})"}});
}
BENCHMARK(filter_number);
BENCHMARK(filter_regex);
BENCHMARK(select_four);
BENCHMARK(filter_then_select);
BENCHMARK(set_field);
BENCHMARK(drop_field);

void generate(benchmark::State& state, const char* name, const char* options, const char* request, std::int64_t count) {
  const auto operation = made(name, options);
  auto& reader = dynamic_cast<Reader&>(*operation);
  SliceContext slice;
  slice.request = request;
  RecordBatch batch;
  std::int64_t bytes = 0;
  for (auto _ : state) {
    if (!reader.open(slice)) state.SkipWithError("failed");
    do {
      batch.clear();
      if (!reader.read(batch)) state.SkipWithError("failed");
      bytes += static_cast<std::int64_t>(batch.bytes());
    } while (!batch.records.empty());
  }
  state.SetBytesProcessed(bytes);
  state.SetItemsProcessed(state.iterations() * count);
}
BENCHMARK_CAPTURE(generate, default_record, "data_generator", "{}", R"({"processed":0,"count":100000})", 100'000);
BENCHMARK_CAPTURE(generate, with_random_dates, "data_generator", R"({"format":"isoBetween"})",
                  R"({"processed":0,"count":100000})", 100'000);
BENCHMARK_CAPTURE(generate, id_range, "id_range", R"({"end":1})", R"({"start":0,"end":100000})", 100'000);

}  // namespace
}  // namespace slicemill

BENCHMARK_MAIN();
