// Writes a large ledger as a controller would, or opens one: for bench/recovery_bench.py.
//
//   ledger_seed write DIRECTORY LAUNCH_FILE done=N open=N failed=N outputs=0|1 clean=0|1
//   ledger_seed open DIRECTORY
//
// write: slices are created in runs of one number each, as id_range cuts them. Open and failed ones are spread evenly
// over the others. With failed ones the execution has ended; otherwise it runs. clean=0 ends like SIGKILL, with the log
// unflushed. open: prints how long opening takes, with all that a controller reads before it dispatches, and what is on
// disk.
#include <fmt/core.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include "core/ledger/slice_ledger.h"
#include "core/model/launch.h"
#include "core/runtime/files.h"
#include "tests/fakes/manual_loop.h"

namespace slicemill {
namespace {

constexpr std::uint64_t kRun = 10'000;   // slices per creation
constexpr std::uint64_t kBatch = 1'000;  // slices per ledger batch
constexpr std::size_t kBacklog = 64;

struct Plan {
  std::uint64_t done = 0, open = 0, failed = 0;
  bool outputs = false, clean = false;

  std::uint64_t slices() const { return done + open + failed; }
  // The slices of a kind are spread over all: is this one of them?
  bool is_spread(std::uint64_t order, std::uint64_t count) const {
    return order * count / slices() != (order - 1) * count / slices();
  }
};

void check(const Result<void>& result) {
  if (result) return;
  fmt::print(stderr, "ledger_seed: {}\n", result.error().message);
  std::exit(1);
}

template <typename T>
T checked(Result<T> result) {
  if (!result) check(result.error());
  return std::move(*result);
}

std::uint64_t number_of(int argc, char** argv, std::string_view name) {
  for (int i = 0; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument.starts_with(name) && argument.substr(name.size()).starts_with('='))
      return std::strtoull(argv[i] + name.size() + 1, nullptr, 10);
  }
  fmt::print(stderr, "ledger_seed: {}= is missing\n", name);
  std::exit(2);
}

class Seeder {
 public:
  Seeder(const std::string& directory, const ControllerLaunch& launch, const Plan& plan) : plan_(plan) {
    ledger_ = checked(create_ledger(
        loop_, directory,
        {.ex_id = launch.ex_id, .execution = to_compact_text(to_json(launch.job)), .epoch = launch.epoch}));
  }

  void run() {
    for (std::uint64_t order = 1; order <= plan_.slices(); ++order) {
      if (order % kRun == 1) bear(order);
      add(order);
      if (order % kBatch == 0) write();
    }
    batch_.positions[0] = {.position = "", .finished = true, .highest_order = plan_.slices()};
    if (plan_.failed > 0)
      batch_.outcome =
          LedgerOutcome{.status = ExecutionStatus::failed, .reason = "slices failed", .at_ms = loop_.wall_ms()};
    write();
    if (!loop_.run_until([&] { return ledger_->backlog() == 0; })) std::exit(1);
    if (!plan_.clean) _exit(0);
    check(ledger_->close());
  }

 private:
  void bear(std::uint64_t order) {
    const auto start = static_cast<std::int64_t>(order - 1);
    const auto end = std::min(start + static_cast<std::int64_t>(kRun), static_cast<std::int64_t>(plan_.slices()));
    batch_.created.push_back({0, 0, order, 1, RangeRequests{"", "start", "end", false, start, 1, end}});
  }

  void add(std::uint64_t order) {
    const SliceKey key{0, 0, order, SliceKey::kWholeSlice};
    if (plan_.is_spread(order, plan_.open)) return;
    batch_.settled.push_back(key);
    ++counters_.processed;
    if (plan_.is_spread(order, plan_.failed)) {
      ++counters_.failed;
      batch_.rows.push_back({key, SliceState::error, 0, 3, 0, 1, static_cast<WallMs>(order),
                             fmt::format(R"({{"start":{},"end":{}}})", order - 1, order),
                             "TypeError: cannot read the field that was asked for"});
    } else if (plan_.outputs) {
      const std::uint64_t noise = order * 0x9E3779B97F4A7C15ULL;
      batch_.committed.push_back(
          {key, {1, 1}, {true, 1000, 200'000 + noise % 50'000, noise, static_cast<std::uint32_t>(noise >> 7)}});
    }
  }

  void write() {
    batch_.counters = counters_;
    ledger_->write(std::exchange(batch_, {}), check);
    loop_.run_ready();
    if (ledger_->backlog() > kBacklog && !loop_.run_until([&] { return ledger_->backlog() <= kBacklog / 2; }))
      std::exit(1);
  }

  const Plan plan_;
  ManualLoop loop_;
  std::unique_ptr<SliceLedger> ledger_;
  LedgerBatch batch_;
  SliceCounters counters_;
};

int open(const std::string& directory) {
  using Clock = std::chrono::steady_clock;
  const auto ms_since = [](Clock::time_point then) {
    return std::chrono::duration<double, std::milli>(Clock::now() - then).count();
  };
  std::uintmax_t bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) bytes += entry.file_size();
  ManualLoop loop;
  const auto began = Clock::now();
  const auto ledger = checked(open_ledger_next_epoch(loop, directory));
  const double opened_ms = ms_since(began);
  const auto ranges = checked(ledger->open_ranges());
  const auto outputs = checked(ledger->unpublished_outputs());
  fmt::print(
      "{{\"opened_ms\": {:.1f}, \"ready_ms\": {:.1f}, \"bytes\": {}, \"open_ranges\": {}, \"unpublished\": {}}}\n",
      opened_ms, ms_since(began), bytes, ranges.size(), outputs.size());
  std::fflush(stdout);
  _exit(0);  // as it was found: neither flushed nor closed
}

int run(int argc, char** argv) {
  const std::string_view what = argc > 2 ? argv[1] : "";
  if (what == "open") return open(argv[2]);
  if (what != "write" || argc < 4) {
    fmt::print(stderr,
               "usage: ledger_seed write DIRECTORY LAUNCH_FILE done=N open=N failed=N outputs=0|1 clean=0|1\n"
               "       ledger_seed open DIRECTORY\n");
    return 2;
  }
  const auto text = checked(read_whole_file(posix_files(), argv[3]));
  const auto launch = checked(ControllerLaunch::from_json(checked(parse_json(text))));
  const Plan plan{.done = number_of(argc, argv, "done"),
                  .open = number_of(argc, argv, "open"),
                  .failed = number_of(argc, argv, "failed"),
                  .outputs = number_of(argc, argv, "outputs") != 0,
                  .clean = number_of(argc, argv, "clean") != 0};
  Seeder(argv[2], launch, plan).run();
  return 0;
}

}  // namespace
}  // namespace slicemill

int main(int argc, char** argv) {
  return slicemill::run(argc, argv);
}
