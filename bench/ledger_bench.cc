// The slice ledger: how fast slices are recorded, what the loop thread pays, how long opening takes.
//
//   settle/N      slices created in runs, settled in batches of N, synced in groups as they gather (backlog <= 256
//   batches) publish/N     the same with a committed output per slice fail/N        the same with an error row per
//   slice round_trip    one batch at a time: what a single slice waits for reopen/N/K    opening with N published
//   outputs and what rolling forward asks for; K = 0 after a crash, 1 after close() errors/N      a page of 20 newest
//   errors of N recover/N     a recovery of a ledger with N error rows ten_million   ten million slices, settled; bytes
//   on disk and resident memory as counters
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "core/ledger/slice_ledger.h"
#include "tests/fakes/manual_loop.h"

namespace slicemill {
namespace {

constexpr std::uint64_t kRun = 10'000;  // slices per creation
constexpr std::size_t kBacklog = 256;

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "ledger_bench: %s\n", why.c_str());
  std::exit(1);
}

template <typename T>
T checked(Result<T> result) {
  if (!result) give_up(result.error().message);
  return std::move(*result);
}

void check(const Result<void>& result) {
  if (!result) give_up(result.error().message);
}

double thread_cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

enum class Kind { settle, publish, fail };

// A ledger in a directory of its own, fed as a controller would.
class Feeder {
 public:
  Feeder() {
    std::string pattern = std::filesystem::temp_directory_path() / "slicemill_ledger_bench_XXXXXX";
    if (mkdtemp(pattern.data()) == nullptr) give_up("cannot make a directory below " + pattern);
    root_ = pattern;
    ledger_ = checked(create_ledger(loop_, directory(), {"ex-0", "{}", 1}));
  }
  ~Feeder() {
    ledger_.reset();
    std::filesystem::remove_all(root_);
  }

  std::string directory() const { return root_ + "/ledger"; }
  const std::string& root() const { return root_; }
  ManualLoop& loop() { return loop_; }
  SliceLedger& ledger() { return *ledger_; }

  void write_slices(Kind kind, std::uint64_t count) {
    LedgerBatch batch;
    for (std::uint64_t n = 0; n < count; ++n) {
      const SliceKey key{0, 0, ++order_, SliceKey::kWholeSlice};
      if (order_ % kRun == 1) bear(batch);
      batch.settled.push_back(key);
      const std::uint64_t noise = order_ * 0x9E3779B97F4A7C15ULL;
      if (kind == Kind::publish) {
        batch.committed.push_back(
            {key, {1, 1}, {true, 1000, 200'000 + noise % 50'000, noise, static_cast<std::uint32_t>(noise >> 7)}});
      } else if (kind == Kind::fail) {
        batch.rows.push_back({key, SliceState::error, 0, 3, 0, 1, static_cast<WallMs>(order_), R"({"start":1,"end":2})",
                              "TypeError: cannot read the field that was asked for"});
      }
    }
    batch.counters = SliceCounters{.processed = order_};
    ledger_->write(std::move(batch), check);
    loop_.run_ready();
    if (ledger_->backlog() > kBacklog) wait(kBacklog / 2);
  }
  void wait(std::size_t backlog = 0) {
    if (!loop_.run_until([&] { return ledger_->backlog() <= backlog; })) give_up("the ledger does not answer");
  }
  void end() {
    LedgerBatch batch;
    batch.outcome = LedgerOutcome{};
    ledger_->write(std::move(batch), nullptr);
    wait();
    close();
  }
  void close() {
    check(ledger_->close());
    ledger_.reset();
  }
  void crash() { ledger_.reset(); }
  void reopen() { ledger_ = checked(open_ledger_next_epoch(loop_, directory())); }

  std::uintmax_t bytes_on_disk() const {
    std::uintmax_t bytes = 0;
    for (const auto& entry : std::filesystem::directory_iterator(directory())) bytes += entry.file_size();
    return bytes;
  }

 private:
  void bear(LedgerBatch& batch) const {
    const auto start = static_cast<std::int64_t>(order_);
    batch.created.push_back(
        {0, 0, order_, 1, RangeRequests{"", "start", "end", false, start, 1, start + static_cast<std::int64_t>(kRun)}});
  }

  ManualLoop loop_;
  std::string root_;
  std::unique_ptr<SliceLedger> ledger_;
  std::uint64_t order_ = 0;
};

void record(benchmark::State& state, Kind kind) {
  Feeder feeder;
  const auto size = static_cast<std::uint64_t>(state.range(0));
  const double loop_before = thread_cpu_seconds();
  for (auto _ : state) feeder.write_slices(kind, size);
  feeder.wait();
  const auto slices = static_cast<double>(state.iterations()) * static_cast<double>(size);
  state.counters["slices"] = benchmark::Counter(slices, benchmark::Counter::kIsRate);
  state.counters["loop_us_per_slice"] =
      (thread_cpu_seconds() - loop_before) * 1e6 / slices;  // building the batch included
}

void round_trip(benchmark::State& state) {
  Feeder feeder;
  for (auto _ : state) {
    feeder.write_slices(Kind::publish, 1);
    feeder.wait();
  }
}

void reopen(benchmark::State& state) {
  Feeder feeder;
  for (std::int64_t n = 0; n < state.range(0) / 250; ++n) feeder.write_slices(Kind::publish, 250);
  feeder.wait();
  for (auto _ : state) {
    state.PauseTiming();
    for (int n = 0; n < 100; ++n) feeder.write_slices(Kind::publish, 250);  // something to replay
    feeder.wait();
    if (state.range(1) == 1)
      feeder.close();
    else
      feeder.crash();
    state.ResumeTiming();
    feeder.reopen();
    benchmark::DoNotOptimize(checked(feeder.ledger().open_ranges()).size());
    benchmark::DoNotOptimize(checked(feeder.ledger().unpublished_outputs()).size());
  }
}

void errors(benchmark::State& state) {
  Feeder feeder;
  for (std::int64_t n = 0; n < state.range(0) / 250; ++n) feeder.write_slices(Kind::fail, 250);
  feeder.wait();
  for (auto _ : state) benchmark::DoNotOptimize(checked(feeder.ledger().errors(0, 20)).size());
}

void recover(benchmark::State& state) {
  Feeder feeder;
  for (std::int64_t n = 0; n < state.range(0) / 250; ++n) feeder.write_slices(Kind::fail, 250);
  feeder.end();
  for (auto _ : state) {
    const std::string directory = feeder.root() + "/recovered";
    checked(recover_ledger(feeder.loop(), directory, {feeder.directory(), "ex-1", "{}", CleanupType::none, 100}))
        .reset();
    state.PauseTiming();
    std::filesystem::remove_all(directory);
    state.ResumeTiming();
  }
}

void ten_million(benchmark::State& state) {
  for (auto _ : state) {
    Feeder feeder;
    for (int n = 0; n < 40'000; ++n) feeder.write_slices(Kind::settle, 250);
    feeder.wait();
    long pages = 0;
    std::ifstream("/proc/self/statm") >> pages >> pages;
    state.counters["rss_mb"] = static_cast<double>(pages) * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1e6;
    state.counters["open_disk_mb"] = static_cast<double>(feeder.bytes_on_disk()) / 1e6;
    feeder.close();
    state.counters["closed_disk_mb"] = static_cast<double>(feeder.bytes_on_disk()) / 1e6;
  }
  state.counters["slices"] =
      benchmark::Counter(1e7 * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}

BENCHMARK_CAPTURE(record, settle, Kind::settle)->Arg(16)->Arg(256)->UseRealTime();
BENCHMARK_CAPTURE(record, publish, Kind::publish)->Arg(16)->Arg(256)->UseRealTime();
BENCHMARK_CAPTURE(record, fail, Kind::fail)->Arg(16)->Arg(256)->UseRealTime();
BENCHMARK(round_trip)->UseRealTime();
BENCHMARK(reopen)
    ->Args({100'000, 0})
    ->Args({100'000, 1})
    ->Args({1'000'000, 0})
    ->Args({1'000'000, 1})
    ->Iterations(5)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK(errors)->Arg(1'000)->Arg(200'000)->UseRealTime();
BENCHMARK(recover)->Arg(300'000)->Iterations(5)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(ten_million)->Iterations(1)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace slicemill

BENCHMARK_MAIN();
