// The loops that a record or a slice goes through, once each with a fixed amount of work: for counting, not for timing.
//
//   hot_loops LOOP     {"loop": ..., "per": ..., "count": N, "allocations": N, "allocated_bytes": N}
//   hot_loops          the names of the loops
//
// What is counted lies within `counted`, behind a first turn that fills buffers and caches: callgrind is told that name
// (bench/suite/loops.py). The work is the same in each run, so that figures differ only when the code does.
#include <fmt/format.h>
#include <stdlib.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <new>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/formats/csv_reader.h"
#include "core/runtime/interval_set.h"
#include "core/wire/messages.h"
#include "operations/operation.h"
#include "slicer/file_slicer.h"

namespace {

bool counts_allocations = false;
std::uint64_t allocations = 0, allocated_bytes = 0;

void* allocate(std::size_t bytes) {
  if (counts_allocations) {
    ++allocations;
    allocated_bytes += bytes;
  }
  if (void* memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t bytes) {
  return allocate(bytes);
}
void* operator new[](std::size_t bytes) {
  return allocate(bytes);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace slicemill {
namespace {

constexpr std::uint64_t kRecords = 20'000;

template <typename T>
T checked(Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "hot_loops: %s\n", result.error().message.c_str());
    std::exit(1);
  }
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

// Removed with what is in it.
class Directory {
 public:
  Directory() {
    std::string pattern = std::filesystem::temp_directory_path() / "slicemill_hot_loops_XXXXXX";
    path_ = mkdtemp(pattern.data());
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::string log_line(std::uint64_t n) {
  return fmt::format(
      R"({{"@timestamp":"2026-11-24T16:{:02}:{:02}.123Z","id":{},"user":{{"id":"u-{}","name":"Some Body","roles":["reader","writer"]}},)"
      R"("http":{{"method":"GET","path":"/v1/things/{}/parts","status":{},"bytes":{}}},"took_ms":{}.25,"message":"text with \"quotes\" in it"}})",
      n / 60 % 60, n % 60, n, n % 1000, n, n % 7 == 0 ? 404 : 200, n * 13 % 100000, n % 300);
}

std::unique_ptr<Operation> made(const char* name, Json options) {
  auto operation = builtin_operations().make(name);
  OperationContext context;
  context.operation = {.name = name, .options = validate_options(*builtin_operations().find(name), options).options};
  checked(operation->initialize(context));
  return operation;
}

// A turn of the loop, which does all of its work.
using Turn = std::function<void()>;

// A slice from reader to sender, as a worker runs it.
class Pipeline {
 public:
  Pipeline(std::vector<std::unique_ptr<Operation>> operations, std::string request)
      : operations_(std::move(operations)), request_(std::move(request)) {}

  void run() {
    SliceContext slice;
    slice.key.order = ++order_;
    slice.attempt = {1, 1};
    slice.request = request_;
    slice.created_ms = 1'768'830'488'426;
    slice.lineage_id = "lineage";
    auto& reader = dynamic_cast<Reader&>(*operations_.front());
    auto* sender = dynamic_cast<Sender*>(operations_.back().get());
    checked(reader.open(slice));
    if (sender != nullptr) checked(sender->begin(slice));
    for (;;) {
      batch_.clear();
      checked(reader.read(batch_));
      if (batch_.records.empty()) break;
      for (std::size_t i = 1; i < operations_.size(); ++i)
        if (auto* processor = dynamic_cast<Processor*>(operations_[i].get())) checked(processor->process(batch_));
      if (sender != nullptr) checked(sender->write(batch_));
    }
    if (sender == nullptr) return;
    const auto staged = checked(sender->stage());
    if (staged.sync) checked(staged.sync());
  }

 private:
  std::vector<std::unique_ptr<Operation>> operations_;
  std::string request_;
  std::uint64_t order_ = 0;
  RecordBatch batch_;
};

Turn through(std::vector<std::unique_ptr<Operation>> operations, std::string request) {
  return [pipeline = std::make_shared<Pipeline>(std::move(operations), std::move(request))] { pipeline->run(); };
}

Turn ldjson_to_ldjson(const Directory& directory) {
  const std::string path = directory.path() + "/in.ldjson";
  std::size_t size = 0;
  {
    std::ofstream file(path);
    for (std::uint64_t n = 0; n < kRecords; ++n) {
      const std::string line = log_line(n) + "\n";
      file << line;
      size += line.size();
    }
  }
  std::vector<std::unique_ptr<Operation>> operations;
  operations.push_back(made("file_reader", {{"path", path}, {"format", "ldjson"}}));
  operations.push_back(made("filter", {{"field", "http.status"}, {"min", 400}}));
  operations.push_back(made("selection", {{"fields", Json::array({"id", "user.id", "http.path", "took_ms"})}}));
  operations.push_back(made("file_exporter", {{"path", directory.path() + "/out"}, {"format", "ldjson"}}));
  std::filesystem::create_directories(directory.path() + "/out/.slicemill/lineage");  // the controller's part
  const auto slicer = make_file_slicer();
  SlicerContext context;
  context.options = {{"_op", "file_reader"}, {"path", path}, {"format", "ldjson"}, {"size", size}};
  checked(slicer->open(context, ""));
  const auto turn = checked(slicer->next(1));
  return through(std::move(operations), SliceRun{.requests = turn.runs.at(0)}.request(0));
}

Turn generated_to_nothing(const Directory&) {
  std::vector<std::unique_ptr<Operation>> operations;
  operations.push_back(made("data_generator", {{"seed", 1}}));
  operations.push_back(made("filter", {{"field", "bytes"}, {"min", 2'800'000}}));
  operations.push_back(made("noop", Json::object()));
  return through(std::move(operations), Json({{"processed", 0}, {"count", kRecords}}).dump());
}

Turn csv_to_records(const Directory&) {
  auto text = std::make_shared<std::string>("id,time,name,comment,amount,flag\n");
  for (std::uint64_t n = 0; n < kRecords; ++n)
    *text += fmt::format("{},2026-11-24T16:00:00Z,name {},\"a comment, with \"\"quotes\"\"\",{}.50,yes\n", n, n % 977,
                         n * 7);
  text->reserve(text->size() + 64);
  return [text, out = std::make_shared<RecordText>()] {
    out->clear();
    CsvReader reader({});
    checked(reader.read(*text, true, *out));
  };
}

// The messages of slices of one record: cut by hundreds, told as sums of spans, acknowledged.
Turn messages_of_slices(const Directory&) {
  return [frame = std::make_shared<std::string>()] {
    for (std::uint64_t order = 1; order <= kRecords; order += 100) {
      wire::Results results{.epoch = 1, .first_seq = order, .results = {}};
      results.results.reserve(100);
      for (std::uint64_t n = 0; n < 100; ++n)
        results.results.push_back({.key = {0, 0, order + n, SliceKey::kWholeSlice},
                                   .attempt = {1, 1},
                                   .records_in = 1,
                                   .records_out = 1,
                                   .busy_us = 3,
                                   .output = {true, 1, 300, order * 0x9E3779B97F4A7C15ULL, 7},
                                   .error = {},
                                   .operations = {},
                                   .quarantined = {}});
      *frame = wire::encode(std::move(results));
      checked(wire::decode(*frame));
    }
  };
}

// Orders that are done in nearly their order, as several workers do them.
Turn settled_orders(const Directory&) {
  return [] {
    IntervalSet done;
    for (std::uint64_t n = 0; n < kRecords; ++n) {
      done.add((n & ~std::uint64_t{7}) + (n * 5 & 7));
      if (n % 256 == 255) done.take_changes();
    }
  };
}

struct Loop {
  const char* per;
  Turn (*make)(const Directory&);
};

const std::map<std::string, Loop> kLoops = {
    {"ldjson_filter_selection_ldjson", {"record", ldjson_to_ldjson}},
    {"generated_filter_noop", {"record", generated_to_nothing}},
    {"csv_to_records", {"record", csv_to_records}},
    {"results_encoded_and_decoded", {"slice", messages_of_slices}},
    {"orders_settled", {"slice", settled_orders}},
};

}  // namespace

// External and not inlined: its name is what the tool looks for.
[[gnu::noinline]] void counted(const Turn& turn) {
  turn();
}

namespace {

int main(int argc, char** argv) {
  if (argc == 1) {
    for (const auto& [name, loop] : kLoops) fmt::print("{}\n", name);
    return 0;
  }
  const auto loop = kLoops.find(argv[1]);
  if (loop == kLoops.end()) {
    fmt::print(stderr, "hot_loops: there is no loop {}\n", argv[1]);
    return 1;
  }
  const Directory directory;
  const Turn turn = loop->second.make(directory);
  turn();
  counts_allocations = true;
  counted(turn);
  counts_allocations = false;
  fmt::print("{}\n", Json({{"loop", loop->first},
                           {"per", loop->second.per},
                           {"count", kRecords},
                           {"allocations", allocations},
                           {"allocated_bytes", allocated_bytes}})
                         .dump());
  return 0;
}

}  // namespace
}  // namespace slicemill

int main(int argc, char** argv) {
  return slicemill::main(argc, argv);
}
