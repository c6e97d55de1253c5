// What reading and writing records costs on one core: cutting lines, checking JSON (with simdjson's parser, and
// without), csv, writers, and a file moved from reader to exporter. Bytes per second are of the text.
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "core/formats/csv_reader.h"
#include "core/formats/json_scan.h"
#include "core/formats/json_tokens.h"
#include "core/formats/line_cutter.h"
#include "core/formats/record_writer.h"
#include "operations/readers/file_reader.h"
#include "operations/senders/file_exporter.h"
#include "slicer/file_slicer.h"

namespace slicemill {
namespace {

// A web log record of 344 bytes or so, as JSON.
std::string record(int n) {
  return fmt::format(
      R"({{"@timestamp":"2026-11-24T16:{:02}:{:02}.123Z","id":{},"user":{{"id":"u-{}","name":"Some Body","roles":["reader","writer"]}},)"
      R"("http":{{"method":"GET","path":"/v1/things/{}/parts","status":{},"bytes":{},"agent":"Mozilla/5.0 (X11; Linux x86_64) Gecko"}},)"
      R"("took_ms":{}.25,"tags":["a","b","c"],"ok":true,"note":null,"message":"a line of text with \"quotes\" in it"}})",
      n / 60 % 60, n % 60, n, n % 1000, n, n % 7 == 0 ? 404 : 200, n * 13 % 100000, n % 300);
}

const std::string& ldjson() {
  static const std::string text = [] {
    std::string lines;
    for (int n = 0; lines.size() < (1 << 20); ++n) lines += record(n) + "\n";
    lines.reserve(lines.size() + 64);
    return lines;
  }();
  return text;
}

std::vector<std::string_view> lines() {
  std::vector<std::string_view> records;
  LineCutter cutter({}, {});
  cutter.cut(ldjson(), true, records);
  return records;
}

void count_bytes(benchmark::State& state, std::size_t bytes, std::size_t records) {
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes));
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(records));
}

void cut_lines(benchmark::State& state) {
  std::vector<std::string_view> records;
  for (auto _ : state) {
    records.clear();
    LineCutter cutter({}, {});
    benchmark::DoNotOptimize(cutter.cut(ldjson(), true, records));
  }
  count_bytes(state, ldjson().size(), records.size());
}
BENCHMARK(cut_lines);

void index_json(benchmark::State& state) {
  const auto records = lines();
  JsonIndexer indexer;
  JsonTokens tokens;
  constexpr std::size_t kBatch = 800;  // about as many as the file reader reads at once
  for (auto _ : state) {
    for (std::size_t at = 0; at < records.size(); at += kBatch) {
      tokens.clear();
      const auto batch = std::span(records).subspan(at, std::min(kBatch, records.size() - at));
      if (!indexer.index(batch, tokens)) state.SkipWithError("broken");
    }
  }
  count_bytes(state, ldjson().size(), records.size());
}
BENCHMARK(index_json);

void scan_json(benchmark::State& state) {
  const auto records = lines();
  for (auto _ : state) {
    for (std::string_view text : records) {
      if (check_json_text(text).state != JsonScan::State::complete) state.SkipWithError("broken");
    }
  }
  count_bytes(state, ldjson().size(), records.size());
}
BENCHMARK(scan_json);

void check_utf8(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(is_utf8(ldjson()));
  count_bytes(state, ldjson().size(), lines().size());
}
BENCHMARK(check_utf8);

void read_csv(benchmark::State& state) {
  std::string text = "id,time,name,comment,amount,flag\n";
  for (int n = 0; text.size() < (1 << 20); ++n) {
    text += fmt::format("{},2026-11-24T16:00:00Z,name {},\"a comment, with \"\"quotes\"\"\",{}.50,yes\n", n, n % 977,
                        n * 7);
  }
  text.reserve(text.size() + 64);
  RecordText out;
  for (auto _ : state) {
    out.clear();
    CsvReader reader({});
    if (!reader.read(text, true, out)) state.SkipWithError("broken");
  }
  count_bytes(state, text.size(), out.ends().size());
}
BENCHMARK(read_csv);

void write_with(benchmark::State& state, const RecordWriterOptions& options) {
  const auto records = lines();
  std::string out;
  for (auto _ : state) {
    out.clear();
    const auto writer = make_record_writer(options);
    if (!writer->append(records, out)) state.SkipWithError("broken");
    writer->finish(out);
  }
  count_bytes(state, ldjson().size(), records.size());
}
void write_ldjson(benchmark::State& state) {
  write_with(state, {});
}
BENCHMARK(write_ldjson);
void write_ldjson_with_fields(benchmark::State& state) {
  RecordWriterOptions options;
  options.fields = {"id", "user", "took_ms"};
  write_with(state, options);
}
BENCHMARK(write_ldjson_with_fields);
void write_csv(benchmark::State& state) {
  RecordWriterOptions options;
  options.format = RecordFormat::csv;
  write_with(state, options);
}
BENCHMARK(write_csv);

// Reader -> exporter, slice by slice, with all syncs. Arguments: megabytes of the file.
void move_file(benchmark::State& state) {
  std::string pattern = "/tmp/formats-bench-XXXXXX";
  const std::string directory = mkdtemp(pattern.data());
  const std::string path = directory + "/in.ldjson";
  std::size_t size = 0;
  {
    std::ofstream file(path);
    for (; size < static_cast<std::size_t>(state.range(0)) << 20; size += ldjson().size()) file << ldjson();
  }
  OperationContext reading, writing;
  reading.operation = {.name = "file_reader", .options = {{"path", path}}};
  writing.operation = {.name = "file_exporter", .options = {{"path", directory + "/out"}}};
  const auto reader_operation = file_reader_operation().make();
  const auto sender_operation = file_exporter_operation().make();
  auto& reader = static_cast<Reader&>(*reader_operation);
  auto& sender = static_cast<Sender&>(*sender_operation);
  std::filesystem::create_directories(directory + "/out/.slicemill/lineage");  // the controller's part
  if (!reader.initialize(reading) || !sender.initialize(writing)) state.SkipWithError("cannot initialize");
  std::size_t records = 0;
  for (auto _ : state) {
    records = 0;
    const auto slicer = make_file_slicer();
    SlicerContext context;
    context.options = reading.operation.options;
    if (!slicer->open(context, "")) state.SkipWithError("cannot open");
    const auto turn = *slicer->next(1'000'000);
    SliceRun run{.requests = turn.runs.at(0)};
    RecordBatch batch;
    for (std::uint64_t i = 0; i < run.count(); ++i) {
      SliceContext slice;
      const std::string request = run.request(i);
      slice.key.order = i + 1;
      slice.attempt = {1, 1};
      slice.request = request;
      slice.lineage_id = "lineage";
      if (!reader.open(slice) || !sender.begin(slice)) state.SkipWithError("cannot begin");
      for (;;) {
        batch.clear();
        if (!reader.read(batch)) state.SkipWithError("cannot read");
        if (batch.records.empty()) break;
        records += batch.records.size();
        if (!sender.write(batch)) state.SkipWithError("cannot write");
      }
      const auto staged = sender.stage();
      if (!staged || (staged->sync && !staged->sync())) state.SkipWithError("cannot stage");
    }
  }
  count_bytes(state, size, records);
  std::filesystem::remove_all(directory);
}
BENCHMARK(move_file)->Arg(64)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace slicemill

BENCHMARK_MAIN();
