// What a list of a full registry costs the server: finding the page, reading its documents, printing them. 100,000 jobs
// and as many executions; one request at a time, without sockets. The first column is processor time of all threads, so
// that other work on the machine does not count; the others are what a client waits.
//
//   registry_bench [ROWS, default 100000] [REPETITIONS, default 25] [DIRECTORY, whose registry is used and kept]
#include <fmt/core.h>
#include <malloc.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "api/dialects/teraslice/lucene_syntax.h"
#include "api/dialects/teraslice/teraslice_documents.h"
#include "core/runtime/asio_loop.h"
#include "core/runtime/json.h"
#include "master/executions/execution_documents.h"
#include "master/lists/list_search.h"
#include "master/registry/registry.h"
#include "master/registry/sqlite.h"

namespace slicemill::master {
namespace {

using Clock = std::chrono::steady_clock;

constexpr WallMs kBegin = 1'790'000'000'000;
constexpr int kRowsPerBatch = 1'000;

Json job_body(int i) {
  Json reader = {{"_op", "file_reader"}, {"path", "/data/input"}, {"format", "ldjson"}, {"size", "10MB"}};
  Json sender = {{"_op", "file_exporter"}, {"path", "/data/output"}, {"format", "ldjson"}, {"compression", "gzip"}};
  Json job = {{"name", fmt::format("import {} of team {}", i, i * 7 % 50)},
              {"lifecycle", i % 3 == 0 ? "persistent" : "once"},
              {"workers", 1 + i * 13 % 20},
              {"slicers", 1 + i % 4},
              {"operations", {reader, {{"_op", "filter"}, {"field", "http.status"}, {"min", 400}}, sender}}};
  if (i % 5 == 0) job["assets"] = {"standard", fmt::format("bundle{}", i % 100)};
  return job;
}

const JobDialect& dialect() {
  return api::teraslice::job_dialect();
}

std::string id_of(const char* kind, int i) {
  return fmt::format("{}a50580c-4a50-48d9-80f8-{:012}", kind, i);
}

RegistryBatch batch_of(Registry& registry, int first, int end) {
  constexpr ExecutionStatus kStatuses[] = {ExecutionStatus::completed, ExecutionStatus::completed,
                                           ExecutionStatus::failed, ExecutionStatus::stopped};
  static const DataLayout layout = DataLayout::of("/data");
  RegistryBatch batch;
  for (int i = first; i < end; ++i) {
    const WallMs at = kBegin + static_cast<WallMs>(i) * 7'919 % 1'000'003 * 1'000;
    batch.jobs.push_back(make_job(JobId(id_of("5", i)), registry.new_job_seq(), job_body(i), at, dialect()));
    ExecutionOrigin creation;
    creation.ex_id = ExecutionId(id_of("e", i));
    creation.seq = registry.new_execution_seq();
    creation.job_id = JobId(id_of("5", i));
    creation.now = at;
    creation.document = job_body(i);
    creation.spec = *job_spec_from_json(creation.document);
    ExecutionRow row = make_execution(std::move(creation), layout, dialect());
    row.status = kStatuses[i % 4];
    row.has_errors = row.status == ExecutionStatus::failed;
    if (row.has_errors) row.reason = fmt::format("execution: had {} slice failures during processing", i % 9);
    batch.executions.push_back(std::move(row));
  }
  return batch;
}

// Each write after the answer to the one before, as from a client; nobody lists anything meanwhile.
void fill(AsioLoop& loop, Registry& registry, int rows) {
  std::function<void(int)> write_from = [&](int first) {
    if (first >= rows) return loop.stop();
    const int end = std::min(first + kRowsPerBatch, rows);
    registry.write(batch_of(registry, first, end), [&, end](const Result<void>& written) {
      if (!written) {
        fmt::print(stderr, "registry_bench: {}\n", written.error().message);
        std::exit(1);
      }
      write_from(end);
    });
  };
  write_from(0);
  loop.run();
}

struct Case {
  const char* name;
  ListKind kind;
  const char* filter;
  const char* sort;
  std::int64_t from = 0;
  const char* words = "";
  bool with_total = false;
};

constexpr auto kJobs = ListKind::jobs;
constexpr auto kExecutions = ListKind::executions;

constexpr Case kCases[] = {
    {"jobs", kJobs, "", ""},
    {"jobs, the first page by creation", kJobs, "", "_created:desc"},
    {"jobs, page 900", kJobs, "", "", 90'000},
    {"jobs, with the total", kJobs, "", "", 0, "", true},
    {"jobs, sorted by name", kJobs, "", "name:asc"},
    {"jobs, sorted by lifecycle", kJobs, "", "lifecycle:asc"},
    {"jobs, sorted by max_retries", kJobs, "", "max_retries:desc"},
    {"jobs, sorted by lifecycle, workers, name", kJobs, "", "lifecycle:asc,workers:desc,name:asc"},
    {"jobs, a word that all have", kJobs, "name:import", ""},
    {"jobs, a word that one has", kJobs, "name:77777", ""},
    {"jobs, a keyword", kJobs, "lifecycle:persistent", ""},
    {"jobs, three tests, sorted", kJobs, "name:\"team 7\" AND workers:[3 TO 9] AND NOT lifecycle:once", "name:desc"},
    {"jobs, a wildcard", kJobs, "name:imp*t AND assets:bundle4?", ""},
    {"jobs, a regular expression", kJobs, "name:/[0-9]*99/", ""},
    {"jobs, a word in any field", kJobs, "standard", ""},
    {"executions", kExecutions, "", ""},
    {"executions, failed ones", kExecutions, "_status:failed AND _updated:>2026-09-25", ""},
    {"executions, of one job", kExecutions, "job_id:\"5a50580c-4a50-48d9-80f8-000000004711\"", ""},
    {"jobs, words that one has", kJobs, "", "", 0, "import 77777"},
    {"jobs, words that 2,000 have", kJobs, "", "", 0, "imports \"team 7\""},
    {"jobs, a word that all have", kJobs, "", "", 0, "imports"},
    {"jobs, words, a filter, an order and the total", kJobs, "workers:>4", "name:asc", 0, "\"team 7\"", true},
    {"executions, words of the reason", kExecutions, "", "", 0, "slice failures 8"},
    {"executions, by reason", kExecutions, "_failureReason:\"8 slice failures\"", "_created:asc"},
};

double cpu_ms() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

double rss_mb() {
  std::ifstream file("/proc/self/statm");
  double size = 0;
  double resident = 0;
  file >> size >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1e6;
}

// Asks for every case so many times, one request after the other; ends the loop.
class Requests {
 public:
  Requests(AsioLoop& loop, Registry& registry, int repetitions)
      : loop_(loop), registry_(registry), repetitions_(repetitions) {}

  void ask() {
    asked_ = Clock::now();
    cpu_begin_ = cpu_ms();
    const Case& wanted = kCases[case_];
    const auto fields = wanted.kind == kJobs ? dialect().job_fields() : dialect().execution_fields();
    ListQuery query;
    query.window = PageWindow{wanted.from, 100, wanted.with_total};
    if (*wanted.filter != 0) query.filter = *api::teraslice::parse_filter(wanted.filter, fields, kBegin);
    if (*wanted.sort != 0) query.sort = *query::parse_sort(wanted.sort, fields);
    if (*wanted.words != 0) query.words = *query::parse_search_words(wanted.words);
    registry_.find(wanted.kind, query, [this](const Result<FoundRows>& found) {
      if (!found) {
        fmt::print(stderr, "registry_bench: {}\n", found.error().message);
        std::exit(1);
      }
      answer(*found);
    });
  }

 private:
  // As the API prints lists.
  void answer(const FoundRows& found) {
    std::string body;
    const auto print = [&body](const std::string& doc, JsonMembers members) {
      body += json_text(doc, {.indent = 4, .depth = 1, .laid_over = std::move(members)});
    };
    for (const auto seq : found.seqs) {
      if (kCases[case_].kind == kJobs) {
        const auto row = registry_.job_beginning(seq);
        print((*row)->doc, dialect().job_members(facts_of(**row)));
      } else {
        const auto row = registry_.execution_beginning(seq);
        print((*row)->doc, dialect().execution_members(facts_of(**row)));
      }
    }
    cpu_.push_back(cpu_ms() - cpu_begin_);
    wall_.push_back(std::chrono::duration<double, std::milli>(Clock::now() - asked_).count());
    if (static_cast<int>(cpu_.size()) == repetitions_) {
      print_case(body.size());
      if (++case_ == std::size(kCases)) return loop_.stop();
    }
    loop_.post([this] { ask(); });
  }

  void print_case(std::size_t bytes) {
    std::ranges::sort(cpu_);
    std::ranges::sort(wall_);
    fmt::print("{:<45} {:>8.2f} {:>8.2f} {:>8.2f} {:>12}\n", kCases[case_].name, cpu_[cpu_.size() / 2],
               wall_[wall_.size() / 2], wall_[wall_.size() * 99 / 100], bytes);
    std::fflush(stdout);
    cpu_.clear();
    wall_.clear();
  }

  AsioLoop& loop_;
  Registry& registry_;
  const int repetitions_;
  std::size_t case_ = 0;
  Clock::time_point asked_;
  double cpu_begin_ = 0;
  std::vector<double> cpu_, wall_;
};

// How long the upgrade of a registry of the version before takes, and how long a write waits meanwhile.
void measure_former_version(const std::string& path) {
  {
    auto database = *Database::open(path, Database::Mode::read_write);
    const auto undone = database->execute(
        "DROP TABLE job_words; DROP TABLE execution_words; DROP TABLE words_to_read; DROP INDEX job_index_updated; "
        "DROP INDEX job_index_created; DROP INDEX job_index_name; DROP INDEX execution_index_updated; "
        "DROP INDEX execution_index_created; DROP INDEX execution_index_name; DROP INDEX execution_index_status; "
        "CREATE INDEX job_index_stamp ON job_index (stamp); "
        "CREATE INDEX execution_index_stamp ON execution_index (stamp); PRAGMA user_version = 7");
    if (!undone) fmt::print(stderr, "registry_bench: {}\n", undone.error().message);
  }
  const auto begin = Clock::now();
  const auto seconds = [&begin] { return std::chrono::duration<double>(Clock::now() - begin).count(); };
  AsioLoop loop;
  const auto registry = Registry::open(loop, path, dialect());
  fmt::print("opened as of the version before in {:.3f} s\n", seconds());
  double longest = 0;
  std::function<void()> look = [&] {
    const auto asked = Clock::now();
    (*registry)->write({}, [&, asked](const Result<void>&) {
      longest = std::max(longest, std::chrono::duration<double, std::milli>(Clock::now() - asked).count());
      ListQuery query;
      query.words = *query::parse_search_words("import");
      if ((*registry)->find_now(kJobs, query)) return loop.stop();
      loop.after(std::chrono::milliseconds(5), look);
    });
  };
  loop.post(look);
  loop.run();
  fmt::print("all indexes made and words read in {:.1f} s; a write meanwhile took {:.0f} ms at most\n", seconds(),
             longest);
}

Result<void> make_full(const std::string& path, int rows) {
  AsioLoop loop;
  ASSIGN_OR_RETURN(const auto registry, Registry::open(loop, path, dialect()));
  const auto begin = Clock::now();
  fill(loop, *registry, rows);
  const std::chrono::duration<double> filled = Clock::now() - begin;
  fmt::print("{} jobs and executions written in {:.1f} s\n", rows, filled.count());
  return {};
}

Result<void> measure_lists(const std::string& path, int repetitions) {
  const double mb = rss_mb();
  const auto begin = Clock::now();
  AsioLoop loop;
  ASSIGN_OR_RETURN(const auto registry, Registry::open(loop, path, dialect()));
  const std::chrono::duration<double> opened = Clock::now() - begin;
  fmt::print("opened in {:.3f} s\n", opened.count());
  fmt::print("{:<45} {:>8} {:>8} {:>8} {:>12}\n", "list", "cpu ms", "median", "99 %", "body bytes");
  Requests requests(loop, *registry, repetitions);
  loop.post([&requests] { requests.ask(); });
  loop.run();
  fmt::print("memory after all lists: {:+.1f} MB\n", rss_mb() - mb);
  return {};
}

int run(int rows, int repetitions, std::string directory) {
  const bool is_kept = !directory.empty();
  if (!is_kept)
    directory = std::filesystem::temp_directory_path() / fmt::format("slicemill-registry-bench-{}", getpid());
  std::filesystem::create_directories(directory);
  const std::string path = directory + "/registry.sqlite";
  Result<void> done;
  if (!std::filesystem::exists(path)) done = make_full(path, rows);
  malloc_trim(0);
  if (done) done = measure_lists(path, repetitions);
  if (done) measure_former_version(path);
  if (!done) fmt::print(stderr, "registry_bench: {}\n", done.error().message);
  if (!is_kept) std::filesystem::remove_all(directory);
  return done ? 0 : 1;
}

}  // namespace
}  // namespace slicemill::master

int main(int count, char** arguments) {
  const int rows = count > 1 ? std::atoi(arguments[1]) : 100'000;
  const int repetitions = count > 2 ? std::atoi(arguments[2]) : 25;
  return slicemill::master::run(std::max(rows, 1), std::max(repetitions, 1), count > 3 ? arguments[3] : "");
}
