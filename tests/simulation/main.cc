// The simulator as a program: many seeds, one seed, the kill matrix, the planted mutations. Exit 0 if everything held.
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/core.h>

#include "core/runtime/files.h"
#include "core/runtime/log.h"
#include "tests/simulation/mutation.h"
#include "tests/simulation/scenario.h"

namespace slicemill::simulation {
namespace {

constexpr std::array kPoints = {"created", "dispatched", "doubled", "staged",   "committed", "published",
                                "done",    "joined",     "paused",  "stopping", "terminal"};
constexpr std::array kVictims = {"worker", "controller", "master", "all", "power"};

struct Settings {
  std::uint64_t first = 1;
  std::uint64_t count = 500;
  unsigned jobs = 2;
  bool twice = false;
  bool verbose = false;
  std::string mutation;
};

// Shared with the children, so it holds no pointers.
struct Progress {
  std::uint64_t running = 0;  // the seed that is being run: named if the child dies of it
  std::uint64_t runs = 0, failures = 0, first_failure = 0;
  std::uint64_t kills = 0, slices = 0, begun = 0, outputs = 0, recoveries = 0, events = 0;
  double virtual_seconds = 0;
  std::array<char, 400> violated{};  // of the first failure

  void fail(std::uint64_t seed, std::string_view text) {
    if (failures++ > 0 && seed > first_failure) return;
    first_failure = seed;
    violated = {};
    text.copy(violated.data(), violated.size() - 1);
  }

  void add(const Progress& part) {
    runs += part.runs;
    kills += part.kills;
    slices += part.slices;
    begun += part.begun;
    outputs += part.outputs;
    recoveries += part.recoveries;
    events += part.events;
    virtual_seconds += part.virtual_seconds;
    if (part.failures == 0) return;
    fail(part.first_failure, part.violated.data());
    failures += part.failures - 1;
  }
};

std::string directory_of_child(unsigned child) {
  const char* shm = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
  return fmt::format("{}/slicemill-simulation-{}-{}", shm, getppid(), child);
}

std::string replay_line(std::uint64_t seed, const std::string& mutation) {
  return fmt::format("slicemill_simulation --seed {}{}", seed, mutation.empty() ? "" : " --mutation " + mutation);
}

Progress progress_of(std::uint64_t seed, const RunReport& report) {
  Progress progress{.runs = 1,
                    .kills = report.kills,
                    .slices = report.slices,
                    .begun = report.slices_begun,
                    .outputs = report.outputs,
                    .recoveries = report.recoveries,
                    .events = report.events,
                    .virtual_seconds = report.virtual_seconds};
  if (!report.violated.empty()) progress.fail(seed, report.violated);
  return progress;
}

RunReport run_seed(const Settings& settings, std::uint64_t seed, const std::string& directory) {
  RunReport report = run_once({.seed = seed, .directory = directory});
  if (settings.twice && report.violated.empty()) {
    const RunReport again = run_once({.seed = seed, .directory = directory});
    if (again.trace != report.trace)
      report.violated = fmt::format("two runs of the seed differ: {:016x} and {:016x}", report.trace, again.trace);
  }
  return report;
}

void child_main(const Settings& settings, unsigned child, Progress& progress) {
  const std::string directory = directory_of_child(child);
  for (std::uint64_t seed = settings.first + child; seed < settings.first + settings.count; seed += settings.jobs) {
    progress.running = seed;
    const RunReport report = run_seed(settings, seed, directory);
    progress.add(progress_of(seed, report));
    if (report.violated.empty()) continue;
    if (!settings.mutation.empty()) break;  // caught
    fmt::print("FAILED seed {}: {}\n  again: {}\n", seed, report.violated, replay_line(seed, settings.mutation));
    std::fflush(stdout);
    if (progress.failures >= 10) break;
  }
  (void)posix_files().remove_tree(directory);
}

// All seeds, in children, so that a crash is a failing seed too.
Progress run_all(const Settings& settings) {
  const std::size_t bytes = sizeof(Progress) * settings.jobs;
  auto* shared =
      static_cast<Progress*>(mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  std::vector<pid_t> children;
  for (unsigned child = 0; child < settings.jobs; ++child) {
    new (&shared[child]) Progress();
    std::fflush(stdout);
    const pid_t pid = fork();
    if (pid == 0) {
      child_main(settings, child, shared[child]);
      _exit(0);
    }
    children.push_back(pid);
  }
  Progress total;
  for (unsigned child = 0; child < settings.jobs; ++child) {
    int status = 0;
    waitpid(children[child], &status, 0);
    Progress& part = shared[child];
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
      const std::string text = fmt::format("the process died of signal {}", WTERMSIG(status));
      part.fail(part.running, text);
      if (settings.mutation.empty())
        fmt::print("FAILED seed {}: {}\n  again: {}\n", part.running, text,
                   replay_line(part.running, settings.mutation));
    }
    total.add(part);
  }
  munmap(shared, bytes);
  return total;
}

int run_seeds(const Settings& settings) {
  const auto began = std::chrono::steady_clock::now();
  const Progress total = run_all(settings);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  fmt::print(
      "simulation: {} seeds{}, {} failed; {} processes killed, {} slices begun {} times, {} outputs, {} recoveries, "
      "{:.0f} virtual seconds in {:.1f} s\n",
      total.runs, settings.twice ? ", each twice with the same trace" : "", total.failures, total.kills, total.slices,
      total.begun, total.outputs, total.recoveries, total.virtual_seconds, seconds);
  return total.failures == 0 && total.runs > 0 ? 0 : 1;
}

int run_one(const Settings& settings) {
  const std::string directory = directory_of_child(0);
  const RunReport report = run_once({.seed = settings.first, .directory = directory, .verbose = settings.verbose});
  if (!settings.verbose) (void)posix_files().remove_tree(directory);
  fmt::print(
      "seed {}: {}; trace {:016x}, {} events, {:.3f} virtual seconds, {} killed, {} slices begun {} times, {} "
      "outputs, {} recoveries\n",
      settings.first, report.violated.empty() ? "held" : "FAILED " + report.violated, report.trace, report.events,
      report.virtual_seconds, report.kills, report.slices, report.slices_begun, report.outputs, report.recoveries);
  return report.violated.empty() ? 0 : 1;
}

int run_matrix(const Settings& settings) {
  const std::string directory = directory_of_child(0);
  int failures = 0;
  fmt::print("{:<12}", "");
  for (const auto* victim : kVictims) fmt::print("{:>12}", victim);
  fmt::print("\n");
  for (const auto* point : kPoints) {
    fmt::print("{:<12}", point);
    for (const auto* victim : kVictims) {
      std::uint64_t fired = 0;
      std::string violated;
      for (std::uint64_t seed = 1; seed <= settings.count && violated.empty(); ++seed) {
        const RunReport report =
            run_once({.seed = seed, .directory = directory, .matrix_point = point, .matrix_victim = victim});
        fired += report.matrix_fired;
        violated = report.violated;
        if (!violated.empty()) violated += fmt::format(" (seed {})", seed);
      }
      const bool good = violated.empty() && fired > 0;
      fmt::print("{:>12}", good ? fmt::format("{} held", fired) : fired == 0 ? "never" : "FAILED");
      if (good) continue;
      ++failures;
      fmt::print(" [{}] ", violated);
    }
    fmt::print("\n");
    std::fflush(stdout);
  }
  (void)posix_files().remove_tree(directory);
  fmt::print("kill matrix: {} cells, {} failed\n", kPoints.size() * kVictims.size(), failures);
  return failures == 0 ? 0 : 1;
}

// Each planted fault must be seen within so many seeds.
int run_mutations(Settings settings) {
  int missed = 0;
  for (const auto mutation : all_mutations()) {
    settings.mutation = mutation;
    plant(mutation);
    const Progress total = run_all(settings);
    plant("");
    const bool caught = total.failures > 0;
    fmt::print("{:<28} {}\n", mutation,
               caught ? fmt::format("caught by seed {}: {}", total.first_failure, total.violated.data())
                      : fmt::format("MISSED by {} seeds", total.runs));
    std::fflush(stdout);
    if (!caught) ++missed;
  }
  fmt::print("mutations: {} planted, {} missed\n", all_mutations().size(), missed);
  return missed == 0 ? 0 : 1;
}

int main(int argc, char** argv) {
  Settings settings;
  std::uint64_t seed = 0;
  bool matrix = false;
  bool mutations = false;
  CLI::App app("Runs master, controllers and workers on virtual time, with faults that follow from a seed.");
  app.add_option("--first", settings.first, "first seed");
  app.add_option("--seeds", settings.count, "how many seeds");
  app.add_option("--jobs", settings.jobs, "processes side by side")->check(CLI::Range(1, 64));
  app.add_option("--seed", seed, "only this one");
  app.add_option("--mutation", settings.mutation, "plants this fault");
  app.add_flag("--twice", settings.twice, "runs each seed twice and compares the traces");
  app.add_flag("--verbose", settings.verbose, "shows the log of all processes");
  app.add_flag("--matrix", matrix, "kills every kind of process at every named point");
  app.add_flag("--mutations", mutations, "plants each known fault and wants to see it found");
  CLI11_PARSE(app, argc, argv);
  set_log_level(settings.verbose ? LogLevel::info : LogLevel::fatal);
  if (!settings.mutation.empty() && !plant(settings.mutation)) {
    fmt::print(stderr, "there is no mutation {}\n", settings.mutation);
    return 2;
  }
  if (seed != 0) {
    settings.first = seed;
    return run_one(settings);
  }
  if (matrix) return run_matrix(settings);
  if (mutations) return run_mutations(settings);
  return run_seeds(settings);
}

}  // namespace
}  // namespace slicemill::simulation

int main(int argc, char** argv) {
  return slicemill::simulation::main(argc, argv);
}
